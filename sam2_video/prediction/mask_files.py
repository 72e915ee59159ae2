"""Masks that come as files: indexed PNGs, a zip of them, or COCO's JSON."""

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as rle

from sam2_video.core.errors import InputError, shown
from sam2_video.engine.lists import distinct_names
from sam2_video.video.pictures import Masks

Size = tuple[int, int]
"""Width and height in pixels."""

_NUMBER = re.compile(r"([0-9]{1,9})[^0-9]*$")
_PNG_OVERHEAD = 1 << 20  # bytes of a PNG beside its pixels: palette, text, poor compression
_HIGHEST = 255


@dataclass(frozen=True)
class FrameMasks:
    """The masks of some frames of a video.

    Attributes:
        frames: the numbers of the frames that have masks, ascending.
        names: of the K objects.
        read: gives a frame's (K, H, W) bool masks. Raises `InputError` if its file is damaged.
    """

    frames: tuple[int, ...]
    names: tuple[str, ...]
    read: Callable[[int], Masks]


@contextmanager
def open_masks(
    name: str, path: Path, size: Size, first: int, object_ids: str, max_frames: int
) -> Iterator[FrameMasks]:
    """Read and check masks from an indexed PNG, a zip or folder of them, or a COCO file.

    In an indexed picture the value k is object k. It is named by the k-th name of `object_ids`,
    or `object_k`. A black and white picture is one object. Pictures in a zip or folder are named
    by frame number; the last number of a name counts.

    Args:
        name: what holds the masks in errors, as `input_masks`.
        path: the file or folder.
        size: of the video; every mask has to have it.
        first: the frame of a single picture.
        object_ids: names, written as `click_object_ids`.
        max_frames: the most pictures allowed.

    Raises:
        InputError: the masks cannot be read, or do not fit the video.
    """
    if path.is_dir():
        files = {entry.name: partial(entry.open, "rb") for entry in path.glob("*.png")}
        yield _indexed(name, _by_frame(name, files), size, object_ids, max_frames)
    elif zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                entries = {
                    entry.filename: partial(archive.open, entry)
                    for entry in archive.infolist()
                    if not entry.is_dir() and not entry.filename.startswith("__MACOSX")
                }
                frames = _by_frame(name, entries)
                yield _indexed(name, frames, size, object_ids, max_frames)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{name} is a zip file that cannot be read: {error}") from error
    elif path.suffix == ".json":
        yield _coco(name, path, size)
    else:
        yield _indexed(name, {first: partial(path.open, "rb")}, size, object_ids, max_frames)


def _by_frame(name: str, files: Mapping[str, Callable[[], Any]]) -> dict[int, Callable[[], Any]]:
    found: dict[int, Callable[[], Any]] = {}
    for file, opened in sorted(files.items()):
        number = _NUMBER.search(Path(file).stem)
        if number is None or not file.lower().endswith(".png"):
            raise InputError(
                f"{name} holds {shown(file)}, but it should hold PNGs named by frame number, "
                "as frame_00000.png"
            )
        frame = int(number[1])
        if frame in found:
            raise InputError(f"{name} holds two pictures of frame {frame}")
        found[frame] = opened
    if not found:
        raise InputError(f"{name} holds no PNG")
    return found


def _indexed(
    name: str,
    files: Mapping[int, Callable[[], Any]],
    size: Size,
    object_ids: str,
    max_frames: int,
) -> FrameMasks:
    if len(files) > max_frames:
        raise InputError(
            f"{name} holds {len(files)} pictures, but at most {max_frames} are allowed"
        )

    def read(frame: int) -> NDArray[np.uint8]:
        with files[frame]() as file:
            return _read_indexed(f"{name} at frame {frame}", file, size)

    frames = tuple(sorted(files))
    count = max(int(read(frame).max()) for frame in frames)
    if count == 0:
        raise InputError(f"{name} shows no object: every pixel is 0")
    given = distinct_names(object_ids)[:count]
    names = (*given, *(f"object_{k}" for k in range(len(given) + 1, count + 1)))
    values = np.arange(1, count + 1, dtype=np.uint8)[:, None, None]
    return FrameMasks(frames, names, lambda frame: read(frame)[None] == values)


def _read_indexed(what: str, file: Any, size: Size) -> NDArray[np.uint8]:
    """The (H, W) uint8 values of an indexed, grey, or black and white PNG."""
    longest = size[0] * size[1] + _PNG_OVERHEAD
    data = file.read(longest + 1)
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            if image.size != size:
                found, wanted = ("x".join(map(str, pixels)) for pixels in (image.size, size))
                raise InputError(f"{what} is {found} pixels, but input_video is {wanted}")
            if image.mode not in ("P", "L", "1"):
                raise InputError(
                    f"{what} is a picture of the mode {image.mode}, but it should be an indexed PNG"
                )
            if len(data) > longest:
                raise InputError(f"{what} has more than {longest} bytes")
            values = np.asarray(image, np.uint8)
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{what} cannot be read as a PNG") from error
    if image.mode != "P" and not np.any((values != 0) & (values != _HIGHEST)):
        return np.minimum(values, 1)
    return values


def _coco(name: str, path: Path, size: Size) -> FrameMasks:
    try:
        document = json.loads(path.read_bytes())
        frames = {image["id"]: _frame_of(image) for image in document["images"]}
        categories = {one["id"]: str(one["name"]) for one in document.get("categories", ())}
        tracks: dict[Any, str] = {}
        by_frame: dict[int, list[tuple[Any, Any]]] = {frame: [] for frame in frames.values()}
        for one in document["annotations"]:
            track = one.get("track_id", one["category_id"])
            tracks.setdefault(track, categories.get(one["category_id"], f"object_{track}"))
            by_frame[frames[one["image_id"]]].append((track, one["segmentation"]))
        if tracks.keys() <= categories.keys():
            tracks = categories  # an object that is never in sight keeps its place
        order = sorted(tracks)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{name} is no COCO file: {_reason(error)}") from error
    position = {track: k for k, track in enumerate(order)}

    def read(frame: int) -> Masks:
        masks = np.zeros((len(order), size[1], size[0]), bool)
        for track, segmentation in by_frame[frame]:
            masks[position[track]] |= _decoded(f"{name} at frame {frame}", segmentation, size)
        return masks

    return FrameMasks(tuple(sorted(by_frame)), tuple(_unique(tracks[t] for t in order)), read)


def _reason(error: Exception) -> str:
    return f"it has no {shown(error.args[0])}" if isinstance(error, KeyError) else str(error)


def _frame_of(image: Mapping[str, Any]) -> int:
    """The number in the picture's name, as tools keep it; else its id."""
    number = _NUMBER.search(Path(str(image.get("file_name", ""))).stem)
    return int(number[1]) if number else int(image["id"])


def _decoded(what: str, segmentation: Any, size: Size) -> NDArray[np.bool_]:
    """The (H, W) mask of polygons or of run lengths, compressed or not."""
    width, height = size
    try:
        if isinstance(segmentation, list):
            encoded = rle.merge(rle.frPyObjects(segmentation, height, width))
        elif isinstance(segmentation["counts"], list):
            encoded = rle.frPyObjects(segmentation, *segmentation["size"])
        else:
            encoded = segmentation
        if list(encoded["size"]) != [height, width]:
            found = "x".join(str(side) for side in encoded["size"][::-1])
            raise InputError(f"{what} has a mask of {found}, but input_video is {width}x{height}")
        return rle.decode(encoded).view(bool)
    except InputError:
        raise
    except (TypeError, KeyError, ValueError, IndexError) as error:
        raise InputError(f"{what} has a mask that is no run lengths or polygons") from error


def _unique(names: Iterable[str]) -> Iterator[str]:
    """The names, numbered where one comes again."""
    taken: set[str] = set()
    for name in names:
        other, number = name, 1
        while other in taken:
            number += 1
            other = f"{name}_{number}"
        taken.add(other)
        yield other
