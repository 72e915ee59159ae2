"""The page's prompts as inputs of the model."""

import base64
import io
import json
import math
import zipfile
from collections.abc import Collection, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.engine.boxes import parse_boxes
from sam2_video.engine.clicks import parse_clicks
from sam2_video.engine.prompts import MaskPrompt, build_prompts
from sam2_video.service.errors import RequestError
from sam2_video.service.page.requests import PromptRequest
from sam2_video.service.page.videos import VideoInfo

Mask = NDArray[np.bool_]

_MOST_INNER_POINTS = 3
# Least distances of inner points from one another, and from what does not belong to the object:
# parts of the diagonal of the mask. Tried on frames of two clips with nano.
_INNER_DISTANCE, _WRONG_DISTANCE = 0.08, 0.2


def check_prompts(
    prompts: Sequence[PromptRequest],
    names: Mapping[str, str],
    video: VideoInfo,
    frames: range,
    limits: Limits,
) -> None:
    """Check prompts against the objects, the picture and the range.

    Args:
        prompts: all of a track.
        names: what the visitor calls the objects, by id.
        video: what they are about.
        frames: the frames that are tracked.
        limits: what is allowed.

    Raises:
        RequestError: one is wrong, or there are too many; a sentence for the visitor.
    """
    check_count(prompts, limits)
    if len(names) > limits.max_objects:
        raise RequestError(
            422, f"There are {len(names)} objects, but at most {limits.max_objects} are allowed."
        )
    given: set[tuple[str, int]] = set()
    for prompt in prompts:
        name = names.get(prompt.object)
        if name is None:
            raise RequestError(422, f"There is a prompt for {prompt.object}, which is no object.")
        if (prompt.object, prompt.frame) in given:
            raise RequestError(422, f"{name} has two prompts on frame {prompt.frame + 1}.")
        given.add((prompt.object, prompt.frame))
        if prompt.frame not in frames:
            raise RequestError(
                422,
                f"{name} is marked on frame {prompt.frame + 1}, which is outside of the frames "
                f"{frames[0] + 1} to {frames[-1] + 1}.",
            )
        check_places(prompt, video)
    started = {prompt.object for prompt in prompts if prompt.is_start}
    for object_id, name in names.items():
        if object_id not in started:
            raise RequestError(422, f"Mark {name} on a frame first, with a point or a box on it.")


def check_count(prompts: Sequence[PromptRequest], limits: Limits) -> None:
    """Check that there are not too many points, boxes and masks.

    Raises:
        RequestError: there are.
    """
    count = sum(
        len(prompt.points) + (prompt.box is not None) + (prompt.mask_of is not None)
        for prompt in prompts
    )
    if count > limits.max_clicks:
        raise RequestError(
            422,
            f"There are {count} points, boxes and masks, but at most {limits.max_clicks} are "
            "allowed.",
        )


def check_places(prompt: PromptRequest, video: VideoInfo) -> None:
    """Check that points and box lie in the picture.

    Raises:
        RequestError: one does not; a sentence for the visitor.
    """
    size = f"{video.width}x{video.height} pixels"
    for x, y in prompt.points:
        if not (0 <= x < video.width and 0 <= y < video.height):
            raise RequestError(
                422, f"The point at {x:g}, {y:g} is outside of the picture, which has {size}."
            )
    if prompt.box is not None:
        x1, y1, x2, y2 = prompt.box
        if not (0 <= x1 < x2 <= video.width and 0 <= y1 < y2 <= video.height):
            raise RequestError(
                422,
                f"The box from {x1:g}, {y1:g} to {x2:g}, {y2:g} should lie in the picture, which "
                f"has {size}.",
            )


def strings_of(prompts: Sequence[PromptRequest]) -> dict[str, str]:
    """The click and box strings of prompts; objects go by their ids, which are safe in them."""
    clicks = [
        (point, label, prompt.frame, prompt.object)
        for prompt in prompts
        for point, label in zip(prompt.points, prompt.labels, strict=True)
    ]
    boxes = [(prompt.box, prompt.frame, prompt.object) for prompt in prompts if prompt.box]
    # Names beyond the clicks are no click's, but those of masks.
    masked = [prompt.object for prompt in prompts if prompt.mask_of]
    names = [name for *_, name in clicks]
    return {
        "click_coordinates": ",".join(_numbers(point) for point, *_ in clicks),
        "click_labels": ",".join(str(label) for _, label, *_ in clicks),
        "click_frames": ",".join(str(frame) for *_, frame, _ in clicks),
        "click_object_ids": ",".join(names + [name for name in masked if name not in names]),
        "box_coordinates": ",".join(_numbers(box) for box, *_ in boxes),
        "box_frames": ",".join(str(frame) for _, frame, _ in boxes),
        "box_object_ids": ",".join(name for *_, name in boxes),
    }


def mask_values(strings: Mapping[str, str]) -> dict[str, int]:
    """The value of each object in a picture of `input_masks`: its place among the names."""
    names = dict.fromkeys(strings["click_object_ids"].split(","))
    return {name: value for value, name in enumerate(names, start=1)}


def objects_in_order(
    strings: Mapping[str, str], masked: Collection[tuple[str, int]], limits: Limits
) -> list[str]:
    """The objects in the order that the model gives them, which is that of pixel values.

    Args:
        strings: as `strings_of` gives them.
        masked: object and frame of each prompt with a mask.
        limits: what is allowed.

    Raises:
        InputError: there are too many of something.
    """
    if not masked:
        masks = []
    else:
        order = list(mask_values(strings))
        # As masks are read from a file: object by object.
        masks = [
            MaskPrompt(frame, name, _no_mask)
            for name, frame in sorted(masked, key=lambda one: (order.index(one[0]), one[1]))
        ]
    clicks = parse_clicks(
        strings["click_coordinates"],
        strings["click_labels"],
        strings["click_frames"],
        strings["click_object_ids"],
        max_clicks=limits.max_clicks,
    )
    boxes = parse_boxes(
        strings["box_coordinates"],
        strings["box_frames"],
        strings["box_object_ids"],
        max_boxes=limits.max_clicks,
    )
    objects = build_prompts(
        clicks,
        boxes,
        masks,
        max_objects=limits.max_objects,
        max_conditioning_frames=limits.max_conditioning_frames,
    )
    return [tracked.name for tracked in objects]


def with_inner_points(prompt: PromptRequest, mask: Mask) -> PromptRequest:
    """A prompt with points inside the mask that its own points refine, before them.

    The model may follow a single point and forget the mask before it, a small one most of all.

    Args:
        prompt: which has `mask_of`; without points it stays as it is.
        mask: (H, W) bool, the mask that it begins from.
    """
    if not prompt.points or not mask.any():
        return prompt
    rows, columns = np.nonzero(mask)
    diagonal = float(np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1))
    left = mask.astype(np.uint8)
    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        if label == 0:  # the mask is wrong around there
            cv2.circle(left, (int(x), int(y)), round(diagonal * _WRONG_DISTANCE), 0, -1)
    inner: list[tuple[float, float]] = []
    for _ in range(_MOST_INNER_POINTS):
        # The middle of the largest circle that lies in what is left of the mask.
        _, radius, _, (x, y) = cv2.minMaxLoc(
            cv2.distanceTransform(cv2.copyMakeBorder(left, 1, 1, 1, 1, 0), cv2.DIST_L2, 5)
        )
        if not radius:
            break
        inner.append((float(x - 1), float(y - 1)))
        cv2.circle(
            left, (x - 1, y - 1), round(max(diagonal * _INNER_DISTANCE, radius * 1.5)), 0, -1
        )
    return prompt.model_copy(
        update={
            "points": [*inner, *prompt.points],
            "labels": [1] * len(inner) + list(prompt.labels),
        }
    )


def read_values(picture: bytes, video: VideoInfo) -> NDArray[np.uint8]:
    """The (H, W) uint8 values of a stored indexed picture.

    Raises:
        InputError: it is damaged.
    """
    try:
        with Image.open(io.BytesIO(picture), formats=["PNG"]) as image:
            if image.size == (video.width, video.height):
                return np.asarray(image, np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError("A stored mask is damaged. Track again.") from error
    raise InputError("A stored mask has not the size of the video. Track again.")


def mask_picture(masks: Mapping[int, Mask]) -> bytes:
    """Masks of one frame as an indexed PNG, by the value that each has in it.

    A pixel has one value: where masks overlap, the smaller one keeps it.

    Raises:
        RequestError: nothing would be left of a mask.
    """
    values = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for value, mask in sorted(masks.items(), key=lambda one: -int(one[1].sum())):
        values[mask] = value
    if len(np.unique(values[values > 0])) < len(masks):
        raise RequestError(422, "Two objects have the same mask. Remove one of them.")
    image = Image.fromarray(values, "P")
    image.putpalette([0, 0, 0] + [255, 255, 255] * 255)
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=1)
    return content.getvalue()


def mask_archive(pictures: Mapping[int, bytes]) -> str:
    """Pictures by frame as a zip, in a data URI."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for frame, picture in pictures.items():
            archive.writestr(f"frame_{frame:05d}.png", picture)
    return data_uri(content.getvalue(), "application/zip")


def data_uri(content: bytes, media_type: str) -> str:
    """A content as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _numbers(values: Sequence[float]) -> str:
    # Rounded down: a point just inside of the picture stays inside.
    return json.dumps([math.floor(value * 1000) / 1000 for value in values])


def _no_mask() -> Mask:
    raise AssertionError("only the order of the objects is asked for")
