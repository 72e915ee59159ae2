"""The images that clips are made of, read once and kept."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

HELD_OUT = 12
"""Every twelfth image of each kind is kept from training and makes the clips of the evaluation."""
SHARES = {"tuxpaint-stamps-default": 0.5, "lobehub-fluent-emoji-3d": 0.3}
"""How often a cut-out comes from a source; from the others otherwise."""


class Library:
    """Cut-outs and photographs, decoded when first asked for.

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
        self._decoded: dict[str, NDArray[np.uint8]] = {}
        self.cutouts = len(self._files["cutout"])
        self.photos = len(self._files["photo"])
        sources = {entry["file"]: entry.get("source") for entry in index}
        self._by_source: dict[str | None, list[str]] = {}
        for name in self._files["cutout"]:
            source = sources[name] if sources[name] in SHARES else None
            self._by_source.setdefault(source, []).append(name)

    def cutout(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A random cut-out, of each source in its share: (H, W, 4) BGRA."""
        shares = [SHARES.get(source or "", 1 - sum(SHARES.values())) for source in self._by_source]
        groups = list(self._by_source.values())
        names = groups[int(rng.choice(len(groups), p=np.array(shares) / sum(shares)))]
        return self._read(names[int(rng.integers(len(names)))], cv2.IMREAD_UNCHANGED)

    def photo(self, number: int) -> NDArray[np.uint8]:
        """(H, W, 3) BGR."""
        return self._read(self._files["photo"][number], cv2.IMREAD_COLOR)

    def _read(self, name: str, flags: int) -> NDArray[np.uint8]:
        if name not in self._decoded:
            self._decoded[name] = cv2.imread(str(self._folder / name), flags)
        return self._decoded[name]
