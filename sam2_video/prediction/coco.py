"""`masks.json`: the masks of a video in COCO's format, written as a stream."""

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sam2_video.core.errors import writing
from sam2_video.core.part_file import part_of, remove_part
from sam2_video.video.pictures import Colour, Masks


@dataclass(frozen=True)
class RunLengths:
    """An (H, W) mask as COCO's run lengths.

    Attributes:
        height, width: of the mask.
        counts: the run lengths, compressed.
        box: left, top, width and height of its true pixels.
        area: how many those are.
    """

    height: int
    width: int
    counts: str
    box: list[float]
    area: int


class CocoFile:
    """A COCO file as a context manager: complete after the block, or absent.

    Every frame is one of `images`, its id the frame's number. Every mask that has a pixel is one
    of `annotations`, whose `track_id` and `category_id` are the object's, from 1. Frames are
    written as they come, so memory does not grow with their number.

    Args:
        path: the file; its folder is made if it is not there.
        names: of the objects, in the order of the masks.
        suffix: the ending of the pictures that `file_name` speaks of.
        colours: of some of the objects, by their index: the `color` of their category.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        suffix: str,
        colours: Mapping[int, Colour] | None = None,
    ) -> None:
        self.path = path
        self._names = names
        self._colours = colours or {}
        self._suffix = suffix
        self._part = part_of(path)
        self._images = array("q")
        self._count = 1

    def __enter__(self) -> Self:
        """Start the file."""
        categories: list[dict[str, Any]] = [
            {"id": number, "name": name, "supercategory": "object"}
            for number, name in enumerate(self._names, start=1)
        ]
        for k, colour in self._colours.items():
            categories[k]["color"] = colour
        with writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("w")
            self._file.write(f'{{"categories": {json.dumps(categories)},\n"annotations": [')
        return self

    def write(
        self, index: int, masks: Sequence[RunLengths], scores: NDArray[np.float32] | None
    ) -> None:
        """Add a frame.

        Args:
            index: its number in the video.
            masks: the K objects' masks, see `run_lengths`.
            scores: (K,) float32, how sure the model is of each mask, NaN where that is not known;
                None where it is of none.

        Raises:
            OutputError: the disk is full.
        """
        self._images.append(index)
        for k, mask in enumerate(masks):
            self._height, self._width = mask.height, mask.width
            if mask.area == 0:
                continue
            annotation = {
                "id": self._count,
                "image_id": index,
                "category_id": k + 1,
                "track_id": k + 1,
                "segmentation": {"size": [mask.height, mask.width], "counts": mask.counts},
                "bbox": mask.box,
                "area": mask.area,
                "iscrowd": 0,
            }
            if scores is not None and np.isfinite(scores[k]):
                annotation["score"] = round(float(scores[k]), 4)
            with writing():
                self._file.write(",\n"[self._count == 1 :] + json.dumps(annotation))
            self._count += 1

    def __exit__(self, kind: object, *_: object) -> None:
        """Finish the file, or, after an exception, leave nothing."""
        try:
            with writing(), self._file:
                if kind is None:
                    self._write_images()
            if kind is None:
                with writing():
                    self._part.replace(self.path)
        finally:
            remove_part(self._part)

    def _write_images(self) -> None:
        self._file.write('],\n"images": [')
        for position, index in enumerate(self._images):
            image = {
                "id": index,
                "file_name": f"frame_{index:05d}.{self._suffix}",
                "width": self._width,
                "height": self._height,
            }
            self._file.write(",\n"[position == 0 :] + json.dumps(image))
        self._file.write("]}\n")


def run_lengths(masks: Masks) -> list[RunLengths]:
    """(K, H, W) bool masks as COCO's compressed run lengths."""
    from pycocotools import mask as rle  # nothing but masks as data needs it

    found = []
    for mask in masks:
        height, width = mask.shape
        one = rle.encode(np.asfortranarray(mask.view(np.uint8)))
        box, area = rle.toBbox(one).tolist(), int(rle.area(one))
        found.append(RunLengths(height, width, one["counts"].decode(), box, area))
    return found
