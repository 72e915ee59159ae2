"""Images inside other files: Qt resource bundles, Enlightenment themes, OpenEXR panoramas."""

import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator

import cv2
import imageio_ffmpeg
import numpy as np

from training.textures import Image

_DIRECTORY = 2
_COMPRESSED = 1
_NODE_BYTES = 22


def qt_resources(bundle: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of a Qt resource bundle (format 3): (path, content).

    Files compressed with anything but zlib are left out; no photograph is among them.
    """
    magic, version, tree, data, names = struct.unpack(">4sIIII", bundle[:20])
    if magic != b"qres" or version != 3:
        raise ValueError(f"not a Qt resource bundle of format 3: {magic!r} {version}")

    def walk(node: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        entry = tree + node * _NODE_BYTES
        name_offset, flags = struct.unpack(">IH", bundle[entry : entry + 6])
        name = ""
        if node:
            start = names + name_offset
            (length,) = struct.unpack(">H", bundle[start : start + 2])
            name = bundle[start + 6 : start + 6 + 2 * length].decode("utf-16-be")
        path = f"{prefix}/{name}" if prefix else name
        if flags & _DIRECTORY:
            count, first = struct.unpack(">II", bundle[entry + 6 : entry + 14])
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        (offset,) = struct.unpack(">I", bundle[entry + 10 : entry + 14])
        (size,) = struct.unpack(">I", bundle[data + offset : data + offset + 4])
        content = bundle[data + offset + 4 : data + offset + 4 + size]
        if flags & ~(_DIRECTORY | _COMPRESSED):
            return
        yield path, zlib.decompress(content[4:]) if flags & _COMPRESSED else content

    yield from walk(0, "")


def first_jpeg(container: bytes) -> Image | None:
    """The first JPEG inside a file: (H, W, 3) BGR, or None."""
    start = container.find(b"\xff\xd8\xff")
    if start < 0:
        return None
    return cv2.imdecode(np.frombuffer(container[start:], np.uint8), cv2.IMREAD_COLOR)


def panorama(exr: bytes, height: int, width: int) -> Image:
    """An OpenEXR panorama with the exposure of an ordinary picture: (H, W, 3) BGR."""
    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(exr)
        file.flush()
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", file.name]
        command += ["-pix_fmt", "gbrpf32le", "-f", "rawvideo", "-"]
        raw = subprocess.run(command, capture_output=True, check=True).stdout
    light = np.frombuffer(raw, "<f4").reshape(3, height, width)[[1, 0, 2]].transpose(1, 2, 0)
    light = 0.25 * light / max(float(np.median(light)), 1e-6)
    return (255 * np.clip(light / (1 + 0.5 * light), 0, 1) ** (1 / 2.2)).astype(np.uint8)
