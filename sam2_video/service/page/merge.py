"""The newest masks of each object on each frame, as one COCO file."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from sam2_video.prediction.coco import CocoFile, RunLengths, run_lengths
from sam2_video.service.page.prompts import read_values
from sam2_video.service.page.videos import VideoInfo
from sam2_video.video.pictures import Colour

Found = dict[int, dict[int, tuple[RunLengths, float]]]
"""By frame and index of an object: its mask, and its score; NaN where that is not known."""


@dataclass(frozen=True)
class TrackedMasks:
    """The masks of one track.

    Attributes:
        objects: ids, in the order of the pixel values.
        pictures: by frame, the id of the file with the indexed picture.
        masks: the id of its `masks.json`, which keeps overlaps and scores; None if it has none.
    """

    objects: Sequence[str]
    pictures: Mapping[int, str]
    masks: str | None


def owners_of(tracks: Sequence[TrackedMasks], name: str, frames: range) -> dict[int, int]:
    """By frame, the newest of the tracks (oldest first) that has masks of an object there."""
    owners: dict[int, int] = {}
    for index, track in enumerate(tracks):
        if name in track.objects:
            owners.update({frame: index for frame in track.pictures if frame in frames})
    return owners


def write_masks(
    path: Path,
    tracks: Sequence[TrackedMasks],
    objects: Sequence[tuple[str, str, Colour]],
    frames: range,
    video: VideoInfo,
    content: Callable[[str], bytes],
    stop: Event,
) -> None:
    """Write the newest masks of objects as a COCO file.

    Args:
        path: the file.
        tracks: oldest first.
        objects: of each its id, its name, and its colour.
        frames: of which frames.
        video: its size is that of the masks.
        content: gives the content of a file.
        stop: set to give up; the file is then not written.

    Raises:
        InputError: a picture is damaged.
        OutputError: the file cannot be written.
        InterruptedError: `stop` was set.
    """
    # By track and frame: the indices of the objects whose masks are taken from there.
    wanted: list[dict[int, list[int]]] = [defaultdict(list) for _ in tracks]
    for k, (name, *_) in enumerate(objects):
        for frame, owner in owners_of(tracks, name, frames).items():
            wanted[owner][frame].append(k)
    found: Found = defaultdict(dict)
    names = [name for name, *_ in objects]
    for track, by_frame in zip(tracks, wanted, strict=True):
        values = {k: track.objects.index(names[k]) + 1 for ks in by_frame.values() for k in ks}
        if by_frame and track.masks is not None:
            _from_document(content(track.masks), by_frame, values, found)
        else:
            for frame, ks in by_frame.items():
                if stop.is_set():
                    raise InterruptedError
                picture = read_values(content(track.pictures[frame]), video)
                masks = run_lengths(np.array([picture == values[k] for k in ks]))
                found[frame].update(
                    (k, (mask, float("nan"))) for k, mask in zip(ks, masks, strict=True)
                )
        if stop.is_set():
            raise InterruptedError
    nothing = RunLengths(video.height, video.width, "", [], 0)
    colours = {k: colour for k, (*_, colour) in enumerate(objects)}
    with CocoFile(path, [label for _, label, _ in objects], "png", colours) as coco:
        for frame in frames:
            masks_there = [
                found.get(frame, {}).get(k, (nothing, float("nan"))) for k in range(len(objects))
            ]
            scores = np.array([score for _, score in masks_there], np.float32)
            coco.write(frame, [mask for mask, _ in masks_there], scores)


def _from_document(
    content: bytes,
    wanted: Mapping[int, Sequence[int]],
    values: Mapping[int, int],
    found: Found,
) -> None:
    document: Mapping[str, Any] = json.loads(content)
    for one in document["annotations"]:
        frame, value = one["image_id"], one["track_id"]
        for k in wanted.get(frame, ()):
            if values[k] == value:
                height, width = one["segmentation"]["size"]
                counts = one["segmentation"]["counts"]
                mask = RunLengths(height, width, counts, one["bbox"], one["area"])
                found[frame][k] = mask, float(one.get("score", "nan"))
