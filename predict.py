"""The predictor that the container serves: prompts and a video in, cut-outs out."""

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
from sam2_video.prediction.request import Request
from sam2_video.prediction.run import numbered, run_prediction
from sam2_video.prediction.startup import check_versions, fetch_named_weights, remove_server_folders
from sam2_video.prediction.track import warm_up


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
        """The model, loaded on first use: errors about bad input do not wait for it."""
        return load_model()

    @cached_property
    def workspace(self) -> Workspace:
        """Holds the outputs until the next prediction."""
        return Workspace()

    # `cog build` parses this source text. Each description is one literal: cog does not join two.
    # Run `python -m scripts.openapi` after a change.
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
            description="Mask type: binary (B&W), highlighted (colored overlay), or greenscreen; also alpha (transparent where no object is) and indexed (a palette PNG a frame, pixel value = object)",  # noqa: E501
            choices=["binary", "highlighted", "greenscreen", "alpha", "indexed"],
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
        box_coordinates: str = Input(
            description="Boxes as '[x1,y1,x2,y2],...', one object each unless named. With boxes or masks, click_coordinates may be empty.",  # noqa: E501
            default="",
        ),
        box_frames: str = Input(
            description="Frame indices for boxes as '0,150'. Auto-extends if shorter than coordinates.",  # noqa: E501
            default="0",
        ),
        box_object_ids: str = Input(
            description="Object labels for boxes as 'person,dog'. A label that a click has too means the same object.",  # noqa: E501
            default="",
        ),
        input_masks: Path | None = Input(
            description="Masks to start from: an indexed PNG, or a zip of PNGs named by frame number. Pixel value k is object k, named by click_object_ids in order, else object_k.",  # noqa: E501
            default=None,
        ),
        start_frame: int = Input(
            description="First frame to process. Frames are counted from the video's first, here and in file names.",  # noqa: E501
            ge=0,
            default=0,
        ),
        end_frame: int = Input(
            description="Last frame to process, itself included. -1: the video's last.",
            ge=-1,
            default=-1,
        ),
        video_format: str = Input(
            description="Video format: mp4 (H.264), webm (VP9) or mov (ProRes 4444). webm and mov hold transparency.",  # noqa: E501
            choices=["mp4", "webm", "mov"],
            default="mp4",
        ),
        separate_objects: bool = Input(
            description="True for one video or image sequence for each object", default=False
        ),
        keep_audio: bool = Input(
            description="True to keep the source's sound and frame times in a video. video_fps is then ignored.",  # noqa: E501
            default=False,
        ),
        output_masks: bool = Input(
            description="True to also write masks.json: every mask in COCO format", default=False
        ),
        mask_expand: int = Input(
            description="Pixels to grow every mask by; negative to shrink it",
            ge=-100,
            le=100,
            default=0,
        ),
        mask_feather: int = Input(
            description="Pixels over which edges are softened (alpha, greenscreen and highlighted)",
            ge=0,
            le=100,
            default=0,
        ),
        background_color: str = Input(
            description="Colour behind greenscreen as '#rrggbb'", default="#00ff00"
        ),
    ) -> Iterator[Path]:
        """Track every clicked object through the video and yield the rendered files."""
        inputs = {name: value for name, value in locals().items() if name != "self"}
        remove_server_folders()
        run = run_prediction(Request(**inputs), lambda: self.model, self.workspace)
        with closing(run) as paths:
            for position, path in enumerate(paths):
                yield Path(
                    numbered(path, self.workspace.outputs, position) if separate_objects else path
                )

    def close(self) -> None:
        """Remove every file that was left for the caller to read."""
        if "workspace" in self.__dict__:
            self.workspace.close()
