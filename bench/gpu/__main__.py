"""The command; see the package's text."""

import argparse
import sys
from pathlib import Path

from bench.gpu.check import STEPS, NoGpuError, run_steps
from bench.gpu.report import Report
from bench.gpu.scale import FULL, SMALL


def main() -> int:
    """Run the check and return the exit code: 1 if any step failed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu",
        description="Check the CUDA path on a machine with an NVIDIA GPU and measure it: see "
        "bench/README.md. Needs neither trained weights nor a network.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of gpu.json and gpu.md")
    parser.add_argument("--minutes", type=float, default=8.0, help="time for all steps (8)")
    parser.add_argument(
        "--device", choices=("cuda", "cpu"), default="cuda", help="cpu: the smallest sizes"
    )
    options = parser.parse_args()
    report = Report(options.out, [step.title for step in STEPS])
    scale = FULL if options.device == "cuda" else SMALL
    try:
        run_steps(report, options.device, scale, options.minutes * 60)
    except NoGpuError as error:
        print(error, file=sys.stderr)
        return 1
    print((options.out / "gpu.md").read_text())
    return 1 if report.has_failed else 0


if __name__ == "__main__":
    sys.exit(main())
