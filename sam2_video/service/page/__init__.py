"""The model page: upload a video, click on the picture, run, watch."""
