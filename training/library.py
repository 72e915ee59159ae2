"""The images that clips are made of, decoded once and cached."""

import json
from pathlib import Path

import cv2
import numpy as np

from training.inputs import MissingMaterialError
from training.textures import Image

HELD_OUT = 12
"""Every twelfth image of each kind is held out from training, for the clips of the evaluation."""
SHARES = {"tuxpaint-stamps-default": 0.5, "lobehub-fluent-emoji-3d": 0.3}
"""Share of the cut-outs from a source; the rest comes from the other sources."""


def require_library(folder: Path) -> None:
    """Check that a library is there before any work.

    Raises:
        MissingMaterialError: it is not.
    """
    if not (folder / "index.json").is_file():
        raise MissingMaterialError(
            f"{folder} has no training images: run `python -m training.materials` to gather them"
        )


class Library:
    """Cut-outs and photographs, decoded when first used.

    Attributes:
        cutouts: number of cut-outs.
        photos: number of photographs.
    """

    def __init__(self, folder: Path, *, held_out: bool = False) -> None:
        index = json.loads((folder / "index.json").read_text())
        self._folder = folder
        self._files: dict[str, list[str]] = {}
        for kind in ("cutout", "photo"):
            names = [entry["file"] for entry in index if entry["kind"] == kind]
            self._files[kind] = [
                name for i, name in enumerate(names) if (i % HELD_OUT == 0) == held_out
            ]
        self._decoded: dict[str, Image] = {}
        self.cutouts = len(self._files["cutout"])
        self.photos = len(self._files["photo"])
        sources = {entry["file"]: entry.get("source") for entry in index}
        self._by_source: dict[str | None, list[str]] = {}
        for name in self._files["cutout"]:
            source = sources[name] if sources[name] in SHARES else None
            self._by_source.setdefault(source, []).append(name)

    def cutout(self, rng: np.random.Generator) -> Image:
        """A random cut-out, its source chosen by `SHARES`: (H, W, 4) BGRA."""
        shares = [SHARES.get(source or "", 1 - sum(SHARES.values())) for source in self._by_source]
        groups = list(self._by_source.values())
        names = groups[int(rng.choice(len(groups), p=np.array(shares) / sum(shares)))]
        return self._read(names[int(rng.integers(len(names)))], cv2.IMREAD_UNCHANGED)

    def photo(self, number: int) -> Image:
        """(H, W, 3) BGR."""
        return self._read(self._files["photo"][number], cv2.IMREAD_COLOR)

    def _read(self, name: str, flags: int) -> Image:
        if name not in self._decoded:
            image = cv2.imread(str(self._folder / name), flags)
            if image is None:
                raise MissingMaterialError(f"{self._folder / name} is missing or damaged")
            self._decoded[name] = image
        return self._decoded[name]
