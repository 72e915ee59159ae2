"""The server: the page, and the hosted API's protocol as Replicate's clients speak it.

Models run in containers, which it speaks to over their public HTTP API; it keeps the queue, the
records and the files. `sam2-video serve` runs it.
"""
