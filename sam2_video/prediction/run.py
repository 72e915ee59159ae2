"""One prediction, from its checked inputs to its files; command line and container run this."""

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
    """Track every clicked object through the video and write what is seen.

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
        FrameProgress(checked.video.num_frames) as progress,
        closing(checked.run(load(), folder, scratch, progress.advance)) as paths,
    ):
        yield from paths
