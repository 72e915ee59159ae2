"""A stack of masks on disk, for frames that are tracked backward and written forward."""

import errno
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sam2_video.core.errors import InputError, OutputError
from sam2_video.video.pictures import Coverage, Masks

_LENGTH = struct.Struct("<I")
_SHAPE = struct.Struct("<?3I")  # whether the masks are bool, and their shape


class MaskStack:
    """A stack of (K, H, W) masks and their scores in one unnamed temporary file.

    A bool mask takes at most a bit a pixel (K * H * W / 8 bytes a frame, and some more), and
    usually a hundredth of that, since it is compressed; coverage takes at most a byte a pixel. The
    file has no name: it is gone with the process, even a killed one.
    """

    def __init__(self, folder: Path | None, max_bytes: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._max_bytes = max_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Free the disk space."""
        self._file.close()

    def push(self, masks: Masks | Coverage, scores: NDArray[np.float32]) -> None:
        """Put (K, H, W) masks with (K,) scores on top.

        Raises:
            InputError: the masks would take more than `max_bytes`.
            OutputError: the disk is full.
        """
        is_bool = masks.dtype == bool
        pixels = np.packbits(masks) if is_bool else masks
        content = _SHAPE.pack(is_bool, *masks.shape) + scores.tobytes() + pixels.tobytes()
        data = zlib.compress(content, level=1)
        if self._file.tell() + len(data) + _LENGTH.size > self._max_bytes:
            raise InputError(
                "the first prompt is on so late a frame that the masks before it take more than "
                f"the {self._max_bytes} bytes allowed on disk (SAM2_MAX_MASK_BYTES); prompt an "
                "earlier frame"
            )
        try:
            self._file.write(data)
            # The length follows the data: the file is read from its end.
            self._file.write(_LENGTH.pack(len(data)))
            self._file.flush()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OutputError("no space is left on the disk for the masks") from error
            raise

    def pop(self) -> tuple[Masks | Coverage, NDArray[np.float32]]:
        """Take the topmost masks and scores."""
        end = self._file.tell()
        self._file.seek(end - _LENGTH.size)
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        start = end - _LENGTH.size - length
        self._file.seek(start)
        data = zlib.decompress(self._file.read(length))
        self._file.seek(start)
        is_bool, *shape = _SHAPE.unpack_from(data)
        scores = np.frombuffer(data, np.float32, shape[0], _SHAPE.size)
        pixels = np.frombuffer(data, np.uint8, offset=_SHAPE.size + scores.nbytes)
        if is_bool:
            pixels = np.unpackbits(pixels, count=int(np.prod(shape))).view(bool)
        return pixels.reshape(shape), scores
