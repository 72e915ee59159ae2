"""One prediction, from its checked inputs to its files, as the container runs it."""

from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from sam2_video.core.limits import Limits
from sam2_video.core.progress import FrameProgress
from sam2_video.core.workspace import Workspace
from sam2_video.engine.model import LoadedModel
from sam2_video.prediction.request import Request, checked_request


def run_prediction(
    request: Request, load: Callable[[], LoadedModel], workspace: Workspace
) -> Generator[Path, None, None]:
    """Track every prompted object through the video and write what is seen.

    Args:
        request: what is wanted.
        load: gives the model; called once nothing is wrong with the request.
        workspace: where the files lie, until the next prediction or its end.

    Yields:
        Each file as soon as it is complete.

    Raises:
        InputError: the request is invalid.
        OutputError: the files cannot be written.
        CheckpointError: the model cannot be loaded.
        DeviceMemoryError: the GPU has too little memory.
    """
    folder, scratch = workspace.fresh(), workspace.folder
    with (
        checked_request(request, scratch, Limits.from_env()) as checked,
        FrameProgress(len(checked.prepared.video.frames)) as progress,
        closing(checked.run(load(), folder, scratch, progress.advance)) as paths,
    ):
        yield from paths


def numbered(path: Path, folder: Path, position: int) -> Path:
    """Prefix an output's name with its position in the list: `000012_dog_frame_00006.png`.

    The server uploads files under the last part of their path. Those of several objects would
    have the same names, and say nothing of their order.
    """
    owner = () if path.parent == folder else (path.parent.name,)
    return path.rename(path.with_name("_".join((f"{position:06d}", *owner, path.name))))
