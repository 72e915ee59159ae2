"""What the page's requests carry in their bodies."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sam2_video.service.net.bodies import Body

Pixel = Annotated[float, Field(gt=-1e6, lt=1e6)]


class FetchRequest(Body):
    """A video to fetch."""

    url: str


class ClicksRequest(Body):
    """Click strings to read, and the id of the video that they are about."""

    click_coordinates: str = ""
    click_labels: str = ""
    click_frames: str = ""
    click_object_ids: str = ""
    video: str | None = None


class MaskRequest(Body):
    """The clicks of one object on one frame: pairs of pixels, and a label for each."""

    frame: Annotated[int, Field(ge=0, lt=2**31)]
    points: Annotated[list[tuple[Pixel, Pixel]], Field(min_length=1)]
    labels: list[Literal[0, 1]]

    @model_validator(mode="after")
    def _check_pairs(self) -> "MaskRequest":
        if len(self.points) != len(self.labels):
            raise ValueError("points and labels should be as many")
        return self


class RunRequest(Body):
    """A video's id, and all inputs but the video."""

    video: str
    inputs: dict[str, Any]
