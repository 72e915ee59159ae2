"""The hosted API's protocol: what Replicate's clients speak, answered by a server of your own.

The models run in containers, which this package speaks to over their public HTTP API only; it
keeps the queue, the records and the files. `app.hosted_routes` mounts it into a server,
`python -m sam2_video.service` serves it alone.
"""
