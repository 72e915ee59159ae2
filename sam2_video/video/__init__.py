"""Videos and pictures in and out: ffmpeg, decoding, drawing, encoding."""
