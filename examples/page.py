"""Make the page's examples: a clip, ready clicks and a moving before-and-after of each.

    python -m examples.page [--out DIRECTORY]

Writes (into `examples/page/` unless told otherwise), for each example NAME

- `NAME.mp4`: the clip, H.264, 24 frames a second;
- `NAME.json`: its title and its clicks;
- `NAME_preview.mp4`: left of a moving line the clip, right of it what `nano` cuts out of it.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from examples import duck, kingfisher, planets
from examples.encode import Pixels, encode
from examples.scene import Frame
from sam2_video import LoadedModel, load_model, segment

CRF = 20
PREVIEW_WIDTH, PREVIEW_CRF = 480, 27
LINE_WIDTH = 2
CHECKER_SIDE, CHECKER_GREYS = 12, (205, 235)


@dataclass(frozen=True)
class Click:
    """One click: on which object and frame, at which pixel, and whether the object is there."""

    object: str
    name: str
    frame: int
    x: int
    y: int
    foreground: bool


@dataclass(frozen=True)
class Example:
    """What the page offers: a clip, its title and the clicks that find its objects."""

    name: str
    title: str
    frames: Callable[[], Iterator[Frame]]
    size: tuple[int, int]
    clicks: tuple[Click, ...]


EXAMPLES = (
    Example(
        "duck",
        "Duck behind a tree",
        duck.frames,
        duck.SIZE,
        (Click("o1", "Duck", 0, 200, 310, foreground=True),),
    ),
    Example(
        "planets",
        "Two planets",
        planets.frames,
        planets.SIZE,
        (
            Click("o1", "Earth", 0, 600, 236, foreground=True),
            Click("o2", "Mars", 0, 176, 330, foreground=True),
        ),
    ),
    Example(
        "kingfisher",
        "Kingfisher",
        kingfisher.frames,
        kingfisher.SIZE,
        (
            Click("o1", "Kingfisher", 0, 640, 300, foreground=True),  # its breast
            Click("o1", "Kingfisher", 0, 650, 75, foreground=True),  # its head
            Click("o1", "Kingfisher", 0, 590, 450, foreground=False),  # the end of the branch
        ),
    ),
)


def _checkerboard(height: int, width: int) -> Pixels:
    """Grey squares, which stand for transparency."""
    rows, columns = np.mgrid[0:height, 0:width] // CHECKER_SIDE
    grey = np.where((rows + columns) % 2, *CHECKER_GREYS).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _before_and_after(picture: Pixels, mask: NDArray[np.bool_], share: float) -> Pixels:
    """The picture, and from that share of its width on only what the mask covers; small."""
    width = PREVIEW_WIDTH
    height = round(picture.shape[0] * width / picture.shape[1] / 2) * 2
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    cut = small * cover[..., None] + _checkerboard(height, width) * (1.0 - cover[..., None])
    line = round(share * width)
    both = np.where(np.arange(width)[None, :, None] < line, small, cut).astype(np.uint8)
    both[:, max(0, line - LINE_WIDTH) : line] = 255
    return both


def _preview(clip: Path, clicks: tuple[Click, ...], model: LoadedModel) -> Iterator[Pixels]:
    """The frames of the before-and-after; the line starts and ends at the right edge."""
    found = list(
        segment(
            clip,
            [(click.x, click.y) for click in clicks],
            [int(click.foreground) for click in clicks],
            [click.frame for click in clicks],
            [click.object for click in clicks],
            model=model,
        )
    )
    for frame in found:
        share = 0.5 + 0.5 * np.cos(2 * np.pi * frame.index / len(found))
        yield _before_and_after(frame.picture, np.asarray(frame.masks.any(axis=0)), share)


def make(example: Example, model: LoadedModel, out: Path) -> None:
    """Write an example's three files; each appears complete or not at all, the clip last."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".render-") as scratch:
        clip, described, preview = (
            Path(scratch) / f"{example.name}{ending}"
            for ending in (".mp4", ".json", "_preview.mp4")
        )
        encode((frame.rgb for frame in example.frames()), example.size, clip, crf=CRF)
        about = {"title": example.title, "clicks": [asdict(click) for click in example.clicks]}
        described.write_text(json.dumps(about, indent=2) + "\n")
        frames = list(_preview(clip, example.clicks, model))
        height, width = frames[0].shape[:2]
        encode(frames, (width, height), preview, crf=PREVIEW_CRF)
        for path in (preview, described, clip):
            path.replace(out / path.name)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make the examples that the page offers.")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "page", metavar="DIRECTORY"
    )
    out = parser.parse_args().out
    # The shipped model, so that the files are the same whatever weights have been fetched.
    model = load_model("nano")
    for example in EXAMPLES:
        make(example, model, out)
    print(out)


if __name__ == "__main__":
    main()
