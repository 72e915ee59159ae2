"""SAM 2 over a stream of frames: prompts in, mask logits out; no files, no ffmpeg."""
