"""A stack of masks on disk, for frames that are tracked backward and written forward."""

import errno
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Self

import numpy as np

from sam2_video.core.errors import InputError, OutputError

_LENGTH = struct.Struct("<I")


class MaskStack:
    """A stack of (K, H, W) masks in one unnamed temporary file.

    A mask takes at most a bit a pixel (K * H * W / 8 bytes a frame, and 15 more), and usually a
    hundredth of that, since it is compressed. The file has no name: it is gone with the process,
    even a killed one.
    """

    def __init__(self, folder: Path | None, max_bytes: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._max_bytes = max_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Free the disk space."""
        self._file.close()

    def push(self, masks: np.ndarray) -> None:
        """Put (K, H, W) bool masks on top.

        Raises:
            InputError: the masks would take more than `max_bytes`.
            OutputError: the disk is full.
        """
        shape = struct.pack("<3I", *masks.shape)
        data = zlib.compress(shape + np.packbits(masks).tobytes(), level=1)
        if self._file.tell() + len(data) + _LENGTH.size > self._max_bytes:
            raise InputError(
                "click_frames starts so late that the masks of the frames before it take more "
                f"than the {self._max_bytes} bytes allowed on disk (SAM2_MAX_MASK_BYTES); click on "
                "an earlier frame"
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

    def pop(self) -> np.ndarray:
        """Take the topmost (K, H, W) bool masks."""
        end = self._file.tell()
        self._file.seek(end - _LENGTH.size)
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        start = end - _LENGTH.size - length
        self._file.seek(start)
        data = zlib.decompress(self._file.read(length))
        self._file.seek(start)
        shape = struct.unpack_from("<3I", data)
        bits = np.frombuffer(data, np.uint8, offset=12)
        return np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).view(bool)
