"""Masks that come as files: indexed PNGs, a zip of them, or COCO's JSON."""

import json
import lzma
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sam2_video.core.errors import InputError, reading, shown
from sam2_video.core.file_names import unique_names
from sam2_video.engine.lists import distinct_names
from sam2_video.video.edges import HALF
from sam2_video.video.pictures import Colour, Masks

_NUMBER = re.compile(r"(?<![0-9])([0-9]{1,9})[^0-9]*$")
_WHITE = 255
_NOT_COCO = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
_LONGEST_PNG = 64 << 20  # bytes: an indexed picture of 8K is half of that without compression


@dataclass(frozen=True)
class MaskSource:
    """The masks of some frames of a video.

    Attributes:
        size: (width, height) of each mask.
        names: of the K objects.
        in_sight: by frame number, the indices of the objects that have a pixel there.
        decode: gives the (H, W) bool mask of an object on one of those frames.
        scores: by frame number, (K,) float32, how sure a model was of each mask, NaN where that
            is not known; empty where it is of none.
        colours: of the objects, where they have colours of their own.
    """

    size: tuple[int, int]
    names: tuple[str, ...]
    in_sight: Mapping[int, Sequence[int]]
    decode: Callable[[int, int], NDArray[np.bool_]]
    scores: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    colours: Mapping[int, Colour] = field(default_factory=dict)

    def read(self, frame: int) -> Masks:
        """The (K, H, W) bool masks of a frame; all False where there is none.

        Raises:
            InputError: the frame's masks are damaged.
        """
        masks = np.zeros((len(self.names), *self.size[::-1]), bool)
        for k in self.in_sight.get(frame, ()):
            masks[k] = self.decode(frame, k)
        return masks


@contextmanager
def open_masks(
    name: str, path: Path, first: int, object_ids: str, max_frames: int, max_pixels: int
) -> Iterator[MaskSource]:
    """Read and check masks from an indexed PNG, or a zip or folder of them.

    In an indexed picture the value k is object k. It is named by the k-th name of `object_ids`,
    or `object_k`; where `object_ids` holds `object_k` itself, that is object k. A grey picture with
    white in it is one object, where it is at least half white. Pictures in a zip or folder are
    named by frame number; the last number of a name counts. One picture at a time is in memory.

    Args:
        name: what holds the masks in errors, as `input_masks`.
        path: the file or folder.
        first: the frame of a single picture.
        object_ids: names, written as `click_object_ids`.
        max_frames: the most pictures allowed.
        max_pixels: the most pixels of a picture.

    Raises:
        InputError: the masks cannot be read.
    """
    with ExitStack() as stack:
        files: dict[int, Callable[[], Any]] = {first: partial(path.open, "rb")}
        with reading(name):
            entries = list(path.iterdir()) if path.is_dir() else None
        if entries is not None:
            pictures = {
                entry.name: partial(entry.open, "rb")
                for entry in entries
                if entry.suffix.lower() == ".png" and not entry.name.startswith(".")
            }
            files = _by_frame(name, pictures)
        elif zipfile.is_zipfile(path):
            with _read_errors(name):
                archive = stack.enter_context(zipfile.ZipFile(path))
            members = {
                entry.filename: partial(archive.open, entry)
                for entry in archive.infolist()
                if not entry.is_dir() and not Path(entry.filename).name.startswith(".")
            }
            files = _by_frame(name, members)
        if len(files) > max_frames:
            raise InputError(
                f"{name} holds {len(files)} pictures, but {max_frames} are the most allowed"
            )

        def read(frame: int) -> NDArray[np.uint8]:
            with _read_errors(name), files[frame]() as file:
                data = file.read(_LONGEST_PNG + 1)
            return _read_indexed(f"{name} at frame {frame}", data, max_pixels)

        yield _of_values(name, tuple(files), read, object_ids)


@contextmanager
def _read_errors(name: str) -> Iterator[None]:
    try:
        with reading(name):
            yield
    except (
        *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
        *(NotImplementedError, RuntimeError),  # another compression, a password
    ) as error:
        raise InputError(f"{name} is a zip file that cannot be read: {error}") from error


def masks_of_arrays(values: Mapping[int, Any], object_ids: str) -> MaskSource:
    """Masks from arrays by frame number, all of one kind.

    Args:
        values: (H, W) integers in which the value k is object k and 0 none, or (K, H, W) bool.
        object_ids: names, written as `click_object_ids`.

    Raises:
        InputError: the arrays are of another kind or of different sizes, or show no object.
    """
    name = "input_masks"
    arrays = {frame: np.asarray(value) for frame, value in values.items()}
    for frame, array in arrays.items():
        has_values = array.ndim == 2 and array.dtype.kind in "bui"
        if not has_values and not (array.ndim == 3 and array.dtype == bool):
            shape = "x".join(map(str, array.shape))
            raise InputError(
                f"{name} at frame {frame} is an array of {shape} {array.dtype}, but it should be "
                "height x width integers, or objects x height x width bool"
            )
    if len({(array.ndim, *array.shape[-2:]) for array in arrays.values()}) > 1:
        raise InputError(f"{name} has arrays that differ in size or kind from frame to frame")
    if any(array.ndim == 2 for array in arrays.values()):
        return _of_values(name, tuple(arrays), lambda frame: arrays[frame], object_ids)
    in_sight = {frame: np.flatnonzero(a.any(axis=(1, 2))).tolist() for frame, a in arrays.items()}
    if not any(in_sight.values()):
        raise InputError(f"{name} shows no object: every pixel is False")
    count = max(len(array) for array in arrays.values())
    height, width = next(iter(arrays.values())).shape[1:]

    names = _names(distinct_names("click_object_ids", object_ids), count)
    return MaskSource((width, height), names, in_sight, lambda frame, k: arrays[frame][k])


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


def _of_values(
    name: str, frames: Iterable[int], read: Callable[[int], NDArray[Any]], object_ids: str
) -> MaskSource:
    in_sight: dict[int, list[int]] = {}
    size = None
    for frame in sorted(frames):
        values = read(frame)
        shape = values.shape[1], values.shape[0]
        if size not in (None, shape):
            found, other = ("{}x{}".format(*pixels) for pixels in (shape, size))
            raise InputError(f"{name} at frame {frame} is {found} pixels, but others are {other}")
        size = shape
        in_sight[frame] = [int(value) - 1 for value in np.unique(values) if value > 0]
    count = max((k + 1 for objects in in_sight.values() for k in objects), default=0)
    if size is None or count == 0:
        raise InputError(f"{name} shows no object: every pixel is 0")
    objects = _names(distinct_names("click_object_ids", object_ids), count)
    return MaskSource(size, objects, in_sight, lambda frame, k: read(frame) == k + 1)


def _names(given: Sequence[str], count: int) -> tuple[str, ...]:
    """The names of objects 1 to `count`: `object_k` is object k, others fill what is free."""
    defaults = [f"object_{k}" for k in range(1, count + 1)]
    others = iter([name for name in given if name not in defaults])
    return tuple(k if k in given else next(others, k) for k in defaults)


def _read_indexed(what: str, data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """The (H, W) uint8 values of an indexed, grey, or black and white PNG."""
    if len(data) > _LONGEST_PNG:
        raise InputError(f"{what} has more than {_LONGEST_PNG} bytes")
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise InputError(
                    f"{what} is {width}x{height} pixels, more than the {max_pixels} allowed "
                    "(SAM2_MAX_FRAME_PIXELS)"
                )
            if image.mode not in ("P", "L", "1"):
                raise InputError(
                    f"{what} is a picture of the mode {image.mode}, but it should be an indexed "
                    "or grey PNG of 8 bits"
                )
            values = np.asarray(image, np.uint8)
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{what} cannot be read as a PNG") from error
    is_matte = image.mode == "L" and np.any(values == _WHITE)  # grey pixels are its soft edges
    return (values >= HALF).astype(np.uint8) if is_matte else values


def coco_masks(name: str, path: Path) -> MaskSource:
    """Read and check masks from a COCO file.

    Objects are those that `track_id` tells apart, or else `category_id`. A frame's number is the
    last one in its picture's name, or else the picture's id. A category may have a `color`, as in
    COCO's panoptic format.

    Raises:
        InputError: the masks cannot be read.
    """
    with reading(name):
        data = path.read_bytes()
    try:
        document = json.loads(data)
        size = int(document["images"][0]["width"]), int(document["images"][0]["height"])
        frames = {image["id"]: _frame_of(image) for image in document["images"]}
        categories = {one["id"]: str(one["name"]) for one in document.get("categories", ())}
        tracks: dict[Any, str] = {}
        by_frame: dict[int, dict[Any, list[Any]]] = {frame: {} for frame in frames.values()}
        certain: dict[int, dict[Any, float]] = defaultdict(dict)
        tints = {
            one["id"]: _colour(one["color"])
            for one in document.get("categories", ())
            if "color" in one
        }
        category_of: dict[Any, Any] = {}
        for one in document["annotations"]:
            track = one.get("track_id", one["category_id"])
            tracks.setdefault(track, categories.get(one["category_id"], f"object_{track}"))
            shapes = by_frame[frames[one["image_id"]]].setdefault(track, [])
            shapes.append(one["segmentation"])
            category_of[track] = one["category_id"]
            if "score" in one:
                certain[frames[one["image_id"]]][track] = float(one["score"])
        if all(categories.get(track) == label for track, label in tracks.items()):
            tracks = categories  # an object that is never in sight keeps its place
        order = sorted(tracks)
    except (*_NOT_COCO, RecursionError) as error:
        raise InputError(f"{name} is no COCO file: {_reason(error)}") from error
    if not order:
        raise InputError(f"{name} shows no object: it has no annotations")
    if len(by_frame) < len(frames):
        raise InputError(f"{name} has two pictures of one frame")
    position = {track: k for k, track in enumerate(order)}

    def decode(frame: int, k: int) -> NDArray[np.bool_]:
        shapes = by_frame[frame][order[k]]
        masks = [_decoded(f"{name} at frame {frame}", shape, size) for shape in shapes]
        return np.logical_or.reduce(masks)

    in_sight = {
        frame: sorted(position[track] for track in found) for frame, found in by_frame.items()
    }
    names = tuple(unique_names(tracks[track] for track in order))
    scores = {
        frame: np.array([known.get(track, np.nan) for track in order], np.float32)
        for frame, known in certain.items()
    }
    categories_in_order = [category_of.get(track, track) for track in order]
    colours = {k: tints[one] for k, one in enumerate(categories_in_order) if one in tints}
    return MaskSource(size, names, in_sight, decode, scores, colours)


def _colour(value: Any) -> Colour:
    red, green, blue = (int(level) for level in value)
    if not all(0 <= level <= 255 for level in (red, green, blue)):
        raise ValueError(f"the colour {value} is none")
    return red, green, blue


def _reason(error: Exception) -> str:
    return f"it has no {shown(error.args[0])}" if isinstance(error, KeyError) else str(error)


def _frame_of(image: Mapping[str, Any]) -> int:
    """The number in the picture's name, as tools keep it; else its id."""
    number = _NUMBER.search(Path(str(image.get("file_name", ""))).stem)
    return int(number[1]) if number else int(image["id"])


def _decoded(what: str, segmentation: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The (H, W) mask of polygons or of run lengths, compressed or not."""
    from pycocotools import mask as rle  # nothing but masks as data needs it

    width, height = size
    try:
        if isinstance(segmentation, list):
            if any(len(part) < 6 or len(part) % 2 for part in segmentation):
                raise ValueError("a polygon needs three corners")
            corners = np.concatenate([np.ravel(part) for part in segmentation]).astype(float)
            if not np.all(np.abs(corners) <= 2 * max(size)):  # pycocotools would overflow
                raise InputError(f"{what} has a polygon outside of its picture")
            encoded = rle.merge(rle.frPyObjects(segmentation, height, width))
        elif isinstance(segmentation["counts"], list):
            encoded = rle.frPyObjects(segmentation, *segmentation["size"])
        else:
            encoded = segmentation
        if list(encoded["size"]) != [height, width]:
            found = "x".join(str(side) for side in encoded["size"][::-1])
            raise InputError(f"{what} has a mask of {found}, but others are {width}x{height}")
        return rle.decode(encoded).view(bool)
    except InputError:
        raise
    except _NOT_COCO as error:
        raise InputError(f"{what} has a mask that is no run lengths or polygons") from error
