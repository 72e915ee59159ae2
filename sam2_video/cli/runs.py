"""`predict` and `render`: a run for each clip, its results in a folder of their own."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sam2_video.cli.inputs import VIDEO, complete_inputs, log_unused, read_inputs
from sam2_video.cli.results import check_folder, staging, store
from sam2_video.core.errors import DeviceMemoryError, InputError, OutputError, reading, shown
from sam2_video.core.file_names import safe_names
from sam2_video.core.limits import Limits
from sam2_video.core.progress import FrameProgress
from sam2_video.core.signals import deferred
from sam2_video.core.stdio import print_line
from sam2_video.core.workspace import Workspace
from sam2_video.models.registry import checkpoint_folder, choose_checkpoint
from sam2_video.prediction.clips import STDIN, check_prompted, clips_of, local_clip, stem_of
from sam2_video.prediction.contract import contract
from sam2_video.prediction.fetch import is_url

if TYPE_CHECKING:
    from sam2_video.prediction.request import CheckedRendering, CheckedRequest, Request

Work = Callable[[Path, Path, Callable[[], None]], Generator[Path, None, None]]
"""Writes the files into a folder; see `CheckedRendering.run`."""

Check = Callable[
    ["Request", Path, Limits],
    AbstractContextManager[tuple["CheckedRequest | CheckedRendering", Work]],
]
"""Checks what needs no model."""


@dataclass(frozen=True)
class Run:
    """One clip, its checked inputs, and the folder of its results."""

    clip: str
    inputs: Mapping[str, Any]
    folder: Path


def predict(options: argparse.Namespace) -> int:
    """Cut objects out of every clip; the exit code is 1 if a clip failed.

    Raises:
        InputError: an input is invalid.
        OutputError, SettingError, CheckpointError, DeviceMemoryError: the run cannot be done.
    """
    given = read_inputs(options)
    if options.clips:
        check_prompted(given)

    def checking() -> Check:
        with deferred():
            from sam2_video.engine.model import device_of, given_model, load_model
            from sam2_video.prediction.request import checked_request

        if options.dry_run:
            device_of(options.device)
            choose_checkpoint(checkpoint_folder(), *given_model(options.model))

        @cache
        def model() -> Any:
            return load_model(options.model, device=options.device)

        @contextmanager
        def check(*where: Any) -> Iterator[tuple["CheckedRequest", Work]]:
            with checked_request(*where) as checked:
                yield checked, lambda *rest: checked.run(model(), *rest)

        return check

    return _run_all(options, given, checking)


def render(options: argparse.Namespace) -> int:
    """Render the masks of an earlier run in another form, without a model.

    Raises:
        InputError: an input is invalid.
        OutputError, SettingError: the run cannot be done.
    """
    with reading("--masks"):
        has_masks = options.masks.exists()
    if not has_masks:
        raise InputError(f"--masks is {str(options.masks)!r}, but there is no such file or folder")
    given = {"click_coordinates": "", **read_inputs(options)}

    def checking() -> Check:
        with deferred():
            from sam2_video.prediction.request import checked_rendering

        @contextmanager
        def check(
            request: "Request", scratch: Path, limits: Limits
        ) -> Iterator[tuple["CheckedRendering", Work]]:
            with checked_rendering(request, options.masks, scratch, limits) as checked:
                yield checked, checked.run

        return check

    return _run_all(options, given, checking, options.masks)


def _run_all(
    options: argparse.Namespace,
    given: Mapping[str, Any],
    checking: Callable[[], Check],
    *sources: Path,
) -> int:
    limits = Limits.from_env()
    has_failed = False
    with ExitStack() as stack:
        runs = _runs(options, given, limits, stack)
        if len(runs) == 1 and not options.json:
            _check_folder(runs[0], sources, options)
        workspace = stack.enter_context(closing(Workspace()))
        # Called here because torch takes seconds: bad input is answered without it.
        check = checking()
        for run in runs:
            started = time.monotonic()
            try:
                _check_folder(run, sources, options)
                report = _run(run, check, workspace, limits, options)
                report["seconds"] = round(time.monotonic() - started, 3)
            except (InputError, OutputError, DeviceMemoryError) as error:
                if len(runs) == 1 and not options.json:
                    raise
                print(f"{run.clip}: {error}" if len(runs) > 1 else error, file=sys.stderr)
                report, has_failed = {"error": str(error)}, True
            _print(run, report, options)
    return int(has_failed)


def _runs(
    options: argparse.Namespace, given: Mapping[str, Any], limits: Limits, stack: ExitStack
) -> list[Run]:
    """A run for each clip; standard input is read into a file that is kept as long as `stack`."""
    clips = [clip for text in options.clips for clip in clips_of(text)]
    if clips and VIDEO in given:
        raise InputError(f"{VIDEO} is given twice: as {shown(clips[0])} and by -i")
    if not clips and VIDEO not in given:
        raise InputError("there is no clip: name a video, a URL, a folder or - for standard input")
    if not clips:
        video = complete_inputs(given)[VIDEO]
        clips = [str(video)]
    if clips.count(STDIN) > 1:
        raise InputError(f"{VIDEO} is '-' twice, but standard input is one clip")
    # Inputs are checked before standard input is read.
    read = contract().parse({"click_coordinates": "", **given, VIDEO: clips[0]})
    contract().complete(read)
    log_unused(read)
    runs = []
    names = safe_names([stem_of(clip) for clip in clips])
    for clip, name in zip(clips, names, strict=True):
        source: Path | str = clip if is_url(clip) else Path(clip)
        if clip == STDIN:
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="sam2-video-")))
            source = stack.enter_context(local_clip(clip, scratch, limits))
        runs.append(Run(clip, complete_inputs({**given, VIDEO: source}), options.output / name))
    return runs


def _check_folder(run: Run, sources: Sequence[Path], options: argparse.Namespace) -> None:
    files = [value for value in run.inputs.values() if isinstance(value, Path)]
    check_folder(run.folder, [*files, *sources], may_overwrite=options.overwrite)


def _run(
    run: Run, check: Check, workspace: Workspace, limits: Limits, options: argparse.Namespace
) -> dict[str, Any]:
    """One run; what `--json` prints of it."""
    from sam2_video.prediction.request import Request

    made, scratch = workspace.fresh(), workspace.folder
    with check(Request(**run.inputs), scratch, limits) as (checked, work):
        frames = len(checked.video.frames)
        report = {"files": [], "objects": checked.names, "frames": frames}
        if options.dry_run:
            return report
        with ExitStack() as stack:
            advance = None if options.quiet else stack.enter_context(FrameProgress(frames)).advance
            stage = stack.enter_context(staging(options.output))
            paths = stack.enter_context(closing(work(made, scratch, advance or (lambda: None))))
            names = [path.relative_to(made) for path in paths]
            stored = store(made, names, run.folder, stage, may_overwrite=options.overwrite)
        return {**report, "files": [str(path) for path in stored]}


def _print(run: Run, report: Mapping[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        print_line(json.dumps({"input": run.clip[:200], **report}))
    elif options.dry_run and "error" not in report:
        objects = ", ".join(report["objects"])
        frames = report["frames"]
        print_line(f"{run.clip[:200]}: valid, {frames} frames, {objects} -> {run.folder}")
    else:
        for path in report.get("files", ()):
            print_line(path)
