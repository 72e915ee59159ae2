"""What the page's requests carry in their bodies."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sam2_video.service.net.bodies import Body

Pixel = Annotated[float, Field(gt=-1e6, lt=1e6)]
FrameNumber = Annotated[int, Field(ge=0, lt=2**31)]
ObjectId = Annotated[str, Field(pattern=r"^[a-z0-9]{1,20}$")]
Id = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
_MOST_OBJECTS = 255


class FetchRequest(Body):
    """A video to fetch."""

    url: str


class ExampleRequest(Body):
    """An example to take."""

    id: str


class ProjectRequest(Body):
    """A video to make a project of."""

    video: Id


class SaveRequest(Body):
    """What a window saves of a project, and the revision that it has seen."""

    revision: Annotated[int, Field(ge=0, lt=2**31)]
    name: Name | None = None
    document: dict[str, Any] | None = None


class NamedObject(Body):
    """An object and what the visitor calls it."""

    id: ObjectId
    name: Name


class PromptRequest(Body):
    """All that is given of one object on one frame.

    Attributes:
        points: pairs of pixels, with a label for each: 1 for the object, 0 for what is not.
        box: around the object.
        mask_of: a track; its mask of the object on this frame comes first, points refine it. If it
            is empty and nothing else is given, the object is out of sight there.
    """

    object: ObjectId
    frame: FrameNumber
    points: list[tuple[Pixel, Pixel]] = Field(default=[])
    labels: list[Literal[0, 1]] = Field(default=[])
    box: tuple[Pixel, Pixel, Pixel, Pixel] | None = None
    mask_of: Id | None = None

    @model_validator(mode="after")
    def _check_pairs(self) -> "PromptRequest":
        if len(self.points) != len(self.labels):
            raise ValueError("points and labels should be as many")
        return self

    @property
    def is_start(self) -> bool:
        """Whether it shows where the object is, not only where it is not."""
        return 1 in self.labels or self.box is not None or self.mask_of is not None


class TrackRequest(Body):
    """Objects to track over a range of frames, both ends included."""

    objects: Annotated[list[NamedObject], Field(min_length=1, max_length=_MOST_OBJECTS)]
    prompts: Annotated[list[PromptRequest], Field(min_length=1)]
    start_frame: FrameNumber
    end_frame: FrameNumber


class ExportRequest(Body):
    """Objects to render, in order, and how."""

    objects: Annotated[list[NamedObject], Field(min_length=1, max_length=_MOST_OBJECTS)]
    inputs: dict[str, Any] = Field(default={})
