"""The command line: `predict`, the local twin of `cog predict`, and `batch`."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sam2_video.batch.command import add_batch, batch
from sam2_video.core.errors import BatchError, DeviceMemoryError, InputError, OutputError
from sam2_video.core.limits import Limits
from sam2_video.core.logs import log_to_stderr
from sam2_video.core.signals import Interrupted, interruptible
from sam2_video.models.registry import CheckpointError
from sam2_video.prediction.fetch import fetch_input
from sam2_video.prediction.inputs import InputSpec, complete_inputs, input_specs

EXIT_BAD_INPUT = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1 (bad input) or 130 (interrupted).

    Usage errors end in `SystemExit(2)`, as argparse does it.
    """
    options = _parser().parse_args(arguments)
    log_to_stderr()
    with interruptible():
        try:
            if options.command == "batch":
                return 0 if batch(options) else EXIT_BAD_INPUT
            for path in predict(options.input, Path(options.output)):
                print(path)
        except (
            *(BatchError, CheckpointError, DeviceMemoryError),
            *(InputError, OutputError),
        ) as error:
            print(error, file=sys.stderr)
            return EXIT_BAD_INPUT
        except Interrupted as end:
            print("interrupted", file=sys.stderr)
            return end.exit_code
    return 0


def predict(assignments: Sequence[str], folder: Path) -> list[Path]:
    """Run one prediction and put its files into `folder`: all of them, or none.

    Args:
        assignments: inputs as `name=value`; see `fetch_input` for how a file is named.
        folder: where the files go; made if it is not there.

    Raises:
        InputError: an input is not as it should be.
        OutputError, CheckpointError, DeviceMemoryError: see there.
    """
    # Imported here: torch takes seconds, and `--help` should not.
    from predict import Predictor

    specs = input_specs(Predictor.predict)
    with closing(Predictor()) as predictor, _staging(folder) as staging:
        given = _read_assignments(assignments, specs, staging)
        with closing(predictor.predict(**complete_inputs(specs, given))) as results:
            staged = [Path(shutil.move(path, staging)) for path in results]
        return [path.replace(folder / path.name) for path in staged]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sam2_video", description="Cut clicked objects out of a video."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    predict = commands.add_parser(
        "predict",
        help="run one prediction",
        description="Run one prediction and print the paths of its files, one a line.",
        epilog="example: python -m sam2_video predict -i input_video=@clip.mp4 "
        "-i click_coordinates='[320,180]' -i mask_type=highlighted -i output_video=true -o out",
    )
    predict.add_argument(
        "-i",
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input of the predictor; a file is @path, a data URI or an http(s) address",
    )
    predict.add_argument(
        "-o", "--output", default="out", metavar="FOLDER", help="where the files go (out)"
    )
    add_batch(commands)
    return parser


def _read_assignments(
    assignments: Sequence[str], specs: Mapping[str, InputSpec], folder: Path
) -> dict[str, Any]:
    """Read `name=value` pairs; files that have to be fetched go into `folder`."""
    texts: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"-i {assignment[:40]!r} should be written name=value")
        texts[name.strip()] = text
    given: dict[str, Any] = {}
    for name, text in texts.items():
        spec = specs.get(name)
        if spec is not None and not spec.is_file:
            given[name] = spec.parse(text)
        else:
            given[name] = text
    # What can be refused without fetching anything is refused first.
    complete_inputs(specs, given)
    limits = Limits.from_env()
    for name in given:
        if specs[name].is_file:
            given[name] = fetch_input(name, texts[name], folder, limits)
    return given


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A temporary folder inside `folder`; nothing of it stays, nor `folder` if it was made."""
    try:
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    except OSError as error:
        raise OutputError(f"-o {str(folder)!r} cannot be written to: {error.strerror}") from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
