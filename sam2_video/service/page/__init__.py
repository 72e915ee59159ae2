"""The model page: upload a video, click on the picture, run, watch.

A server of its own beside the container, which it speaks to over the public HTTP API only.
"""
