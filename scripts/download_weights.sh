#!/bin/sh
# Fetch Meta's SAM 2.1 weights into checkpoints/: scripts/download_weights.sh [name...]
# Names: tiny, small, base_plus, large (the default). Resumes, verifies, needs Python alone.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=${PYTHON:-python3}
exec "$python" -m sam2_video download "$@"
