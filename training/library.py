"""The images that clips are made of, read once and kept."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

HELD_OUT = 12
"""Every twelfth image of each kind is kept from training and makes the clips of the evaluation."""


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

    def cutout(self, number: int) -> NDArray[np.uint8]:
        """(H, W, 4) BGRA."""
        return self._read(self._files["cutout"][number], cv2.IMREAD_UNCHANGED)

    def photo(self, number: int) -> NDArray[np.uint8]:
        """(H, W, 3) BGR."""
        return self._read(self._files["photo"][number], cv2.IMREAD_COLOR)

    def _read(self, name: str, flags: int) -> NDArray[np.uint8]:
        if name not in self._decoded:
            self._decoded[name] = cv2.imread(str(self._folder / name), flags)
        return self._decoded[name]
