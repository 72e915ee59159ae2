"""The command line: `predict` (as `cog predict`), `render`, `batch`, `serve`, `download`."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sam2_video.batch.command import add_batch
from sam2_video.core.errors import (
    BatchError,
    DeviceMemoryError,
    InputError,
    OutputError,
    SettingError,
    shown,
)
from sam2_video.core.logs import log_to_stderr
from sam2_video.core.signals import Interrupted, interruptible
from sam2_video.core.workspace import Workspace
from sam2_video.models.download import PUBLISHED, download_all
from sam2_video.models.registry import CheckpointError
from sam2_video.prediction.contract import contract
from sam2_video.prediction.fetch import existing_file, is_url
from sam2_video.service.command import add_serve

EXIT_BAD_INPUT = 1
COMMAND = "sam2-video"
SHOWN_ERRORS = (
    BatchError,
    CheckpointError,
    DeviceMemoryError,
    InputError,
    OutputError,
    SettingError,
)
"""Errors whose message is one sentence for the user; any other error is a bug."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1 (bad input), 130 or 143 (interrupted).

    Usage errors raise `SystemExit(2)`, as argparse does.
    """
    options = _parser().parse_args(arguments)
    log_to_stderr()
    with interruptible():
        try:
            code: int = options.run(options)
        except SHOWN_ERRORS as error:
            print(error, file=sys.stderr)
            return EXIT_BAD_INPUT
        except Interrupted as end:
            print("interrupted", file=sys.stderr)
            return end.exit_code
    return code


def predict(assignments: Sequence[str], folder: Path) -> list[Path]:
    """Run one prediction and put its files into `folder`: all of them, or none.

    Args:
        assignments: inputs as `name=value`; a file is `@path`, a data URI or an http(s) URL.
        folder: where the files go; created if missing.

    Raises:
        InputError: an input is invalid.
        OutputError, SettingError, CheckpointError, DeviceMemoryError: as in `run_prediction`.
    """
    inputs = _read_inputs(assignments)
    # Imported here because torch takes seconds: `--help` and bad input are answered without it.
    from sam2_video.engine.model import load_model
    from sam2_video.prediction.request import Request
    from sam2_video.prediction.run import run_prediction

    with (
        closing(Workspace()) as workspace,
        closing(run_prediction(Request(**inputs), load_model, workspace)) as results,
    ):
        return _moved(results, workspace, folder)


def render(assignments: Sequence[str], masks: Path, folder: Path) -> list[Path]:
    """Render the masks of an earlier run in another form, without a model.

    Args:
        assignments: inputs as in `predict`; prompts are not needed.
        masks: a folder or a zip of `indexed` PNGs, or a `masks.json`.
        folder: where the files go; created if missing.

    Raises:
        InputError: an input is invalid.
        OutputError, SettingError: as in `run_rendering`.
    """
    if not masks.exists():
        raise InputError(f"--masks is {str(masks)!r}, but there is no such file or folder")
    inputs = _read_inputs(["click_coordinates=", *assignments])
    from sam2_video.prediction.request import Request
    from sam2_video.prediction.run import run_rendering

    with (
        closing(Workspace()) as workspace,
        closing(run_rendering(Request(**inputs), masks, workspace)) as results,
    ):
        return _moved(results, workspace, folder)


def _moved(results: Iterable[Path], workspace: Workspace, folder: Path) -> list[Path]:
    """Move files into a folder once all of them are complete, those in sub-folders too."""
    with _staging(folder) as staging:
        names = [path.relative_to(workspace.outputs) for path in results]
        shutil.copytree(workspace.outputs, staging, copy_function=shutil.move, dirs_exist_ok=True)
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
        return [(staging / name).replace(folder / name) for name in names]


def _parser() -> argparse.ArgumentParser:
    is_installed = Path(sys.argv[0]).name == COMMAND
    program = COMMAND if is_installed else "python -m sam2_video"
    parser = argparse.ArgumentParser(
        prog=program, description="Cut clicked objects out of a video."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser(
        "predict",
        help="run one prediction",
        description="Run one prediction and print the paths of its files, one per line.",
        epilog=f"example: {program} predict -i input_video=@clip.mp4 "
        "-i click_coordinates='[320,180]' -i mask_type=highlighted -i output_video=true -o out",
    )
    one.set_defaults(run=lambda options: _print(predict(options.input, Path(options.output))))
    _add_inputs(one)
    other = commands.add_parser(
        "render",
        help="make another form of the masks of an earlier run",
        description="Render masks that are already there, without a model, and print the paths of "
        "the files, one per line.",
        epilog=f"example: {program} render -i input_video=@clip.mp4 --masks out "
        "-i mask_type=alpha -i output_video=true -i video_format=mov -o final",
    )
    other.set_defaults(
        run=lambda options: _print(render(options.input, Path(options.masks), Path(options.output)))
    )
    other.add_argument(
        "--masks",
        required=True,
        metavar="PATH",
        help="a folder or zip of PNGs that mask_type=indexed wrote, or a masks.json",
    )
    _add_inputs(other)
    add_batch(commands)
    add_serve(commands)
    download = commands.add_parser(
        "download",
        help="fetch Meta's weights",
        description="Fetch Meta's SAM 2.1 weights (Apache-2.0) and print their paths, one per "
        "line. An interrupted download is resumed by the same command.",
    )
    download.set_defaults(run=lambda options: _print(download_all(options.names)))
    download.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        default=["large"],
        help=f"any of {', '.join(PUBLISHED)} (default: large)",
    )
    return parser


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-i",
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input; a file is @path, a data URI or an http(s) URL",
    )
    parser.add_argument(
        "-o", "--output", default="out", metavar="FOLDER", help="where the files go (default: out)"
    )


def _print(paths: Iterable[Path]) -> int:
    for path in paths:
        print(path)
    return 0


def _read_inputs(assignments: Sequence[str]) -> dict[str, Any]:
    """Read and check `name=value` pairs. Nothing is fetched yet."""
    given: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"-i {shown(assignment)} should be written name=value")
        if (name := name.strip()) in given:
            raise InputError(f"-i {shown(name)} is given twice, but every input has one value")
        given[name] = text
    inputs = contract().complete(contract().parse(given))
    for name in contract().files:
        if inputs[name] is not None:
            inputs[name] = _source(name, inputs[name])
    return inputs


def _source(name: str, text: str) -> Path | str:
    """A local file as a path, or a URL to fetch it from.

    The user of the command line may name any file; a client of the server may not.
    """
    if is_url(text):
        return text
    if not text.startswith("@"):
        raise InputError(
            f"{name} is {shown(text)}, but it should be @file, a data URI or an http(s) URL"
        )
    return existing_file(name, text, text[1:])


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A temporary folder in `folder`; both are deleted, `folder` only if it is new and empty."""
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
