"""SAM 2 over a stream of frames: clicks in, cut-outs of every frame out."""
