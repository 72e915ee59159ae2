"""Small files that ask a decoder for gigabytes."""

import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg


def huge_index_mp4(path: Path, samples: int = 50_000_000, tracks: int = 5) -> Path:
    """An mp4 of one picture whose sample tables claim `samples`, in `tracks` equal tracks.

    The tables of a file say "`samples` samples of one byte each, all in one chunk" in some bytes;
    a demuxer expands them to an index entry for each.
    """
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "lavfi"]
    command += ["-i", "color=s=64x64:r=10", "-frames:v", "1", "-c:v", "libx264", str(path)]
    subprocess.run(command, check=True, timeout=60)
    data = bytearray(path.read_bytes())
    struct.pack_into(">2I", data, data.index(b"stsz") + 8, 1, samples)
    struct.pack_into(">I", data, data.index(b"stsc") + 16, samples)
    struct.pack_into(">I", data, data.index(b"stts") + 12, samples)
    movie, track = data.index(b"moov") - 4, data.index(b"trak") - 4
    size = struct.unpack_from(">I", data, track)[0]
    struct.pack_into(
        ">I", data, movie, struct.unpack_from(">I", data, movie)[0] + (tracks - 1) * size
    )
    data[track + size : track + size] = bytes(data[track : track + size]) * (tracks - 1)
    path.write_bytes(data)
    return path


def huge_canvas_gif(path: Path, frames: int = 100_000) -> Path:
    """A GIF of 8K whose `frames` frames are one pixel each: every one costs a whole canvas."""
    head = b"GIF89a" + struct.pack("<2H", 7680, 4320) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\4\0\1\0\0\0" + b"\x2c" + struct.pack("<4H", 0, 0, 1, 1) + b"\0\2\2\x44\1\0"
    path.write_bytes(head + frame * frames + b";")
    return path
