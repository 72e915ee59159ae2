"""The predictor that the container serves: clicks and a video in, cut-outs out."""

from contextlib import closing
from functools import cached_property
from typing import Iterator  # noqa: UP035 - the schema generator knows this spelling

from cog import BasePredictor, Input, Path, streaming

from sam2_video.core.addresses import AddressRules
from sam2_video.core.limits import Limits
from sam2_video.core.logs import log_to_stderr
from sam2_video.core.workspace import Workspace
from sam2_video.engine.model import LoadedModel, load_model
from sam2_video.prediction.contract import checked_inputs
from sam2_video.prediction.pipeline import warm_up
from sam2_video.prediction.request import Request
from sam2_video.prediction.run import run_prediction
from sam2_video.prediction.startup import check_versions, fetch_named_weights, remove_server_folders


class Predictor(BasePredictor):
    """SAM 2 video segmentation behind the interface of `meta/sam-2-video`."""

    def setup(self) -> None:
        """Make sure of everything that a request needs: versions, limits, weights, disk, model."""
        log_to_stderr()
        check_versions()
        Limits.from_env()
        AddressRules.from_env()
        self.workspace.fresh()
        fetch_named_weights()
        warm_up(self.model)

    @cached_property
    def model(self) -> LoadedModel:
        """The model, loaded on first use: bad input is told without waiting for it."""
        return load_model()

    @cached_property
    def workspace(self) -> Workspace:
        """Where outputs lie until the next prediction."""
        return Workspace()

    # `cog build` reads this text, not the running code. Each description is one literal: of "a" "b"
    # it would keep the quotes and the line break. `python -m scripts.openapi` after a change.
    @streaming
    @checked_inputs
    def predict(
        self,
        input_video: Path = Input(description="Input video file path"),
        click_coordinates: str = Input(
            description="Click coordinates as '[x,y],[x,y],...'. Determines number of clicks."
        ),
        click_labels: str = Input(
            description="Click types (1=foreground, 0=background) as '1,1,0,1'. Auto-extends if shorter than coordinates.",  # noqa: E501
            default="1",
        ),
        click_frames: str = Input(
            description="Frame indices for clicks as '0,0,150,0'. Auto-extends if shorter than coordinates.",  # noqa: E501
            default="0",
        ),
        click_object_ids: str = Input(
            description="Object labels for clicks as 'person,dog,cat'. Auto-generates if missing or incomplete.",  # noqa: E501
            default="",
        ),
        mask_type: str = Input(
            description="Mask type: binary (B&W), highlighted (colored overlay), or greenscreen",
            choices=["binary", "highlighted", "greenscreen"],
            default="binary",
        ),
        annotation_type: str = Input(
            description="Annotation type: mask only, bounding box only, or both (ignored for binary and greenscreen)",  # noqa: E501
            choices=["mask", "box", "both"],
            default="mask",
        ),
        output_video: bool = Input(
            description="True for video output, False for image sequence", default=False
        ),
        video_fps: int = Input(
            description="Video output frame rate (ignored for image sequence)",
            ge=1,
            le=60,
            default=30,
        ),
        output_format: str = Input(
            description="Image format for sequence (ignored for video)",
            choices=["webp", "jpg", "png"],
            default="webp",
        ),
        output_quality: int = Input(
            description="JPG/WebP compression quality (0-100, ignored for PNG and video)",
            ge=0,
            le=100,
            default=80,
        ),
        output_frame_interval: int = Input(
            description="Output every Nth frame. 1=all frames, 2=every other, etc.",
            default=1,
        ),
    ) -> Iterator[Path]:
        """Track every clicked object through the video and yield the rendered files."""
        inputs = {name: value for name, value in locals().items() if name != "self"}
        remove_server_folders()
        run = run_prediction(Request(**inputs), lambda: self.model, self.workspace)
        with closing(run) as paths:
            for path in paths:
                yield Path(path)

    def close(self) -> None:
        """Remove every file that was left for the caller to read."""
        if "workspace" in self.__dict__:
            self.workspace.close()
