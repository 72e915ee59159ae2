"""One command that proves the CUDA path on a machine with an NVIDIA GPU.

    python -m bench.gpu --out DIR [--minutes 8] [--device cuda]

See bench/README.md. Nothing here needs trained weights or a network.
"""
