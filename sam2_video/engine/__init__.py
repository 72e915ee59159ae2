"""SAM 2 over a stream of frames: prompts in, mask logits out, without files or ffmpeg."""
