"""`python -m sam2_video`."""

import sys

from sam2_video.cli import main

if __name__ == "__main__":
    sys.exit(main())
