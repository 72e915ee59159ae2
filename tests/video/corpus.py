"""At least 150 damaged and odd files from a seed, over what the bundled FFmpeg can write.

Every source is a clip of 12 numbered frames, 64x48, in one codec and container, written once.
Every kind of damage is done to some of them, chosen and placed by the seed.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.clips import FFMPEG, encode
from tests.video.odd_files import noisy

SEED = 20
SIZE = (64, 48)
COUNT = 12
FILES_OF_A_KIND = 12

_X264 = ("-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "5", "-bf", "1")
_FAST = ("-deadline", "realtime", "-cpu-used", "8", "-g", "5", "-pix_fmt", "yuv420p")
_CODECS: dict[str, tuple[str, ...]] = {
    "libx264": _X264,
    "libx265": (
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-x265-params",
        "log-level=none:keyint=5",
    ),
    "libvpx": _FAST,
    "libvpx-vp9": _FAST,
    "libaom-av1": ("-usage", "realtime", "-cpu-used", "8", "-g", "5", "-pix_fmt", "yuv420p"),
    "mpeg4": ("-g", "5", "-bf", "1"),
    "mpeg2video": ("-g", "5", "-bf", "1"),
    "mpeg1video": ("-g", "5"),
    "mjpeg": ("-q:v", "3"),
    "ffv1": ("-g", "1", "-pix_fmt", "yuv420p"),
    "prores_ks": (),
    "dnxhd": ("-profile:v", "dnxhr_lb", "-s", "256x128", "-pix_fmt", "yuv422p"),
    "libtheora": ("-q:v", "7"),
    "gif": (),
    "apng": (),
    "libwebp_anim": (),
    "qtrle": (),
    "huffyuv": (),
    "utvideo": (),
    "png": (),
    "rawvideo": ("-pix_fmt", "yuv420p"),
    "wmv2": ("-g", "5"),
    "msmpeg4": ("-g", "5"),
    "flv": ("-g", "5"),
    "flashsv": (),
    "h263": ("-s", "128x96"),
    "dvvideo": ("-s", "720x576", "-pix_fmt", "yuv420p"),
    "cinepak": (),
    "snow": ("-strict", "-2"),
    "jpeg2000": (),
    "vc2": ("-strict", "-1"),
    "libvvenc": ("-preset", "faster", "-pix_fmt", "yuv420p10le"),
    "wrapped_avframe": ("-pix_fmt", "yuv420p"),
    "cfhd": (),
    "svq1": (),
    "rv20": (),
}
_CONTAINERS: dict[str, tuple[str, ...]] = {
    "mp4": ("libx264", "libx265", "libaom-av1", "mpeg4"),
    "mov": ("libx264", "prores_ks", "qtrle", "png", "cfhd", "jpeg2000", "svq1", "mjpeg"),
    "matroska": ("libx264", "libx265", "ffv1", "rawvideo", "libvvenc", "vc2", "libtheora"),
    "webm": ("libvpx", "libvpx-vp9", "libaom-av1"),
    "avi": ("mpeg4", "mjpeg", "huffyuv", "utvideo", "msmpeg4", "cinepak", "rawvideo"),
    "mpegts": ("libx264", "libx265", "mpeg2video"),
    "mpeg": ("mpeg1video",),
    "vob": ("mpeg2video",),
    "flv": ("libx264", "flv", "flashsv"),
    "ogg": ("libtheora",),
    "mxf": ("mpeg2video", "dnxhd"),
    "nut": ("ffv1", "snow", "rawvideo"),
    "3gp": ("libx264", "h263"),
    "asf": ("wmv2",),
    "gif": ("gif",),
    "apng": ("apng",),
    "webp": ("libwebp_anim",),
    "dv": ("dvvideo",),
    "ivf": ("libvpx-vp9",),
    "h264": ("libx264",),
    "hevc": ("libx265",),
    "obu": ("libaom-av1",),
    "m4v": ("mpeg4",),
    "yuv4mpegpipe": ("wrapped_avframe",),
    "mjpeg": ("mjpeg",),
    "rm": ("rv20",),
}
_ENDINGS = {"matroska": "mkv", "mpegts": "ts", "mpeg": "mpg", "yuv4mpegpipe": "y4m"}


@dataclass(frozen=True)
class Source:
    """A whole clip."""

    codec: str
    container: str
    path: Path


@dataclass(frozen=True)
class OddFile:
    """A file made from a source: the kind of damage, and the file."""

    kind: str
    source: str
    path: Path


def listed(what: str) -> set[str]:
    """The names in ffmpeg's list of `encoders` or `muxers`."""
    command = [FFMPEG, "-v", "quiet", f"-{what}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    columns = (line.split(maxsplit=2) for line in text.splitlines())
    return {name for row in columns if len(row) > 1 for name in row[1].split(",")}


def make_sources(folder: Path) -> list[Source]:
    """Write a clip in every pair of codec and container above that this FFmpeg has."""
    encoders, muxers = listed("encoders"), listed("muxers")
    frames = [noisy(number, SIZE) for number in range(COUNT)]
    pairs = [
        (codec, container)
        for container, codecs in _CONTAINERS.items()
        for codec in codecs
        if codec in encoders and container in muxers
    ]

    def make(pair: tuple[str, str]) -> Source:
        codec, container = pair
        path = folder / f"{codec}.{_ENDINGS.get(container, container)}"
        options = (
            "-threads",
            "1",
            "-fflags",
            "+bitexact",
            "-c:v",
            codec,
            *_CODECS.get(codec, ()),
            "-f",
            container,
        )
        if container == "mp4":
            options += ("-movflags", "+faststart")
        return Source(codec, container, encode(path, frames, *options, rate=25))

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(make, pairs))


# --- kinds of damage -----------------------------------------------------------------------------


def bit_flips(data: bytes, random: Random) -> bytes:
    """Up to 20 bits of the file are others."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 20)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def noise(data: bytes, random: Random) -> bytes:
    """A hundredth to a tenth of the file is random, at one place."""
    size = max(1, int(len(data) * random.uniform(0.01, 0.1)))
    start = random.randrange(len(data))
    return (data[:start] + random.randbytes(size) + data[start + size :])[: len(data)]


def zeros(data: bytes, random: Random) -> bytes:
    """A piece was never written: blocks of zeros, as after a crash or a failed download."""
    size = max(1, int(len(data) * random.uniform(0.02, 0.3)))
    start = random.randrange(len(data))
    return (data[:start] + bytes(size) + data[start + size :])[: len(data)]


def cut_end(data: bytes, random: Random) -> bytes:
    return data[: int(len(data) * random.uniform(0.05, 0.98))]


def cut_start(data: bytes, random: Random) -> bytes:
    return data[int(len(data) * random.uniform(0.001, 0.6)) :]


def piece_lost(data: bytes, random: Random) -> bytes:
    """Bytes are missing in the middle."""
    start = int(len(data) * random.uniform(0.05, 0.9))
    return data[:start] + data[start + max(1, int(len(data) * random.uniform(0.005, 0.3))) :]


def piece_doubled(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data))
    stop = random.randrange(start, len(data)) + 1
    return data[:stop] + data[start:stop] + data[stop:]


def header_damaged(data: bytes, random: Random) -> bytes:
    """Random bytes within the first 64."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 12)):
        changed[random.randrange(min(64, len(changed)))] = random.randrange(256)
    return bytes(changed)


def garbage_before(data: bytes, random: Random) -> bytes:
    return random.randbytes(random.randint(1, 5000)) + data


def garbage_after(data: bytes, random: Random) -> bytes:
    return data + random.randbytes(random.randint(1, 20000))


def joined_twice(data: bytes, random: Random) -> bytes:
    return data + data


_OF_BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    bit_flips,
    noise,
    zeros,
    cut_end,
    cut_start,
    piece_lost,
    piece_doubled,
    header_damaged,
    garbage_before,
    garbage_after,
    joined_twice,
)


def make_corpus(folder: Path, seed: int = SEED) -> list[OddFile]:
    """Write all files into `folder`: the same ones whenever the seed and the FFmpeg are."""
    (folder / "sources").mkdir()
    sources = make_sources(folder / "sources")
    random = Random(seed)  # noqa: S311
    files = [OddFile("whole", source.path.name, source.path) for source in sources]

    def add(kind: str, source: Source, data: bytes, ending: str = "") -> None:
        path = folder / f"{len(files):03}_{kind}_{source.path.name}{ending}"
        path.write_bytes(data)
        files.append(OddFile(kind, source.path.name, path))

    for damage in _OF_BYTES:
        for source in random.sample(sources, min(FILES_OF_A_KIND, len(sources))):
            add(damage.__name__, source, damage(source.path.read_bytes(), random))
    for first, second in zip(random.sample(sources, 12), random.sample(sources, 12), strict=True):
        add("joined_to_another", first, first.path.read_bytes() + second.path.read_bytes())
    for first, second in zip(random.sample(sources, 8), random.sample(sources, 8), strict=True):
        head = first.path.read_bytes()[:64]
        add("header_of_another", first, head + second.path.read_bytes()[64:])
    for source, ending in zip(
        random.sample(sources, 6), (".txt", ".png", ".mp4", ".gif", ".m3u8", ""), strict=True
    ):
        add("wrong_ending", source, source.path.read_bytes(), ending)
    for source in random.sample(sources, 8):
        add("packets_lost", source, _without_some_packets(source, folder, random))
    for source, size in zip(random.sample(sources, 5), (0, 1, 3, 12, 40), strict=True):
        add("almost_empty", source, source.path.read_bytes()[:size])
    return files


def _without_some_packets(source: Source, folder: Path, random: Random) -> bytes:
    """What a copy has that loses a third of the packets and damages some of the others."""
    path = folder / f"lost_{source.path.name}"
    drop = f"noise=drop=lt(mod(n*7+{random.randrange(9)}\\,9)\\,3):amount=-2000"
    command = [FFMPEG, "-v", "quiet", "-y", "-nostdin", "-i", str(source.path), "-c", "copy"]
    command += ["-bsf:v", drop, "-fflags", "+bitexact", "-f", source.container, str(path)]
    subprocess.run(command, check=False)
    data = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    return data or source.path.read_bytes()[::2]  # where the copy cannot be written


def table(outcomes: Iterable[tuple[str, str]], order: Sequence[str]) -> str:
    """A Markdown table of counts.

    Args:
        outcomes: the kind of damage and the outcome of every file.
        order: the outcomes, as columns.
    """
    counts = Counter(outcomes)
    kinds = list(dict.fromkeys(kind for kind, _ in counts))
    rows = [["damage", *order, "files"], ["---", *["---:"] * (len(order) + 1)]]
    for kind in kinds:
        numbers = [counts[kind, outcome] for outcome in order]
        rows.append([kind.replace("_", " "), *map(str, numbers), str(sum(numbers))])
    totals = [sum(counts[kind, outcome] for kind in kinds) for outcome in order]
    rows.append(["all", *map(str, totals), str(sum(totals))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
