"""Files as they come from recorders, phones, browsers and editors, whose pictures are known.

Frames carry their number (`tests.clips`) under a little noise, so that every packet has some size.
Each maker writes one file into a folder and says what its pictures are.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from tests.clips import FFMPEG, H264, SIZE, draw, encode, ffmpeg, remux

COUNT = 36
GOP = 12
TS_PACKET = 188
ORANGE = (200, 100, 50, 64)  # red, green, blue, alpha

X264 = (*H264, "-g", str(GOP), "-bf", "2", "-x264-params", "scenecut=0")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params")
X265 += (f"log-level=none:keyint={GOP}:min-keyint={GOP}:scenecut=0:open-gop=0",)
VPX = ("-g", str(GOP), "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k")
VPX += ("-pix_fmt", "yuv420p")
AV1 = ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", str(GOP))
AV1 += ("-pix_fmt", "yuv420p")
MPEG2 = ("-c:v", "mpeg2video", "-g", str(GOP), "-bf", "2", "-q:v", "3")
MPEG4 = ("-c:v", "mpeg4", "-g", str(GOP), "-q:v", "3")


@dataclass(frozen=True)
class OddFile:
    """A file and what it shows.

    Attributes:
        path: the file.
        last: numbers of the last pictures, which no damage touches.
        first: likewise of the first pictures.
        place: about where the damage is, as a frame of the result; None where none has to be
            told, since every picture is whole.
        near: how many frames a message may be off, for decoders run ahead of what they give.
    """

    path: Path
    last: Sequence[int] = ()
    first: Sequence[int] = ()
    place: int | None = None
    near: int = 8


Maker = Callable[[Path], OddFile]


def noisy(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """The frame of `tests.clips.draw` under noise."""
    noise = np.random.default_rng(number).integers(-20, 21, (size[1], size[0], 1))
    return np.clip(draw(number, size).astype(int) * 0.8 + 25 + noise, 0, 255).astype(np.uint8)


def noisy_frames(start: int = 0, stop: int = COUNT) -> list[np.ndarray]:
    return [noisy(number) for number in range(start, stop)]


def decoded_by_ffmpeg(path: Path, *options: str) -> int:
    """How many pictures plain ffmpeg decodes of a file whose name it does not know."""
    command = [FFMPEG, "-v", "quiet", "-nostdin", *options, "-i", "fd:", "-map", "0:V:0"]
    command += ["-fps_mode", "passthrough", "-bsf:v", "setts=ts=N", "-f", "framecrc", "-"]
    with path.open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, check=False, timeout=60)
    return sum(not line.startswith(b"#") for line in done.stdout.splitlines())


# --- recordings that start between two key frames ------------------------------------------------


def _from_the_middle_of_a_ts(folder: Path, name: str, options: Sequence[str]) -> OddFile:
    """A TS that lacks its first packets: it starts within the first group of pictures."""
    whole = encode(folder / f"{name}_whole.ts", noisy_frames(), *options, "-f", "mpegts")
    data = whole.read_bytes()
    packets = [data[at : at + TS_PACKET] for at in range(0, len(data), TS_PACKET)]
    starts = [  # where a picture of the video, whose packets have this identifier, starts
        index
        for index, packet in enumerate(packets)
        if packet[1] & 0x40 and (packet[1] & 0x1F) << 8 | packet[2] == 0x100
    ]
    path = folder / f"{name}.ts"
    path.write_bytes(b"".join(packets[starts[5] + 1 :]))
    return OddFile(path, last=range(COUNT - GOP, COUNT), place=0)


def h264_ts_from_the_middle(folder: Path) -> OddFile:
    return _from_the_middle_of_a_ts(folder, "h264", X264)


def mpeg2_ts_from_the_middle(folder: Path) -> OddFile:
    return _from_the_middle_of_a_ts(folder, "mpeg2", MPEG2)


def hevc_ts_from_the_middle(folder: Path) -> OddFile:
    return _from_the_middle_of_a_ts(folder, "hevc", X265)


def _without_the_first_packets(folder: Path, name: str, options: Sequence[str]) -> OddFile:
    whole = encode(folder / f"whole_{name}", noisy_frames(), *options)
    path = remux(whole, folder / name, "-bsf:v", "noise=drop=lt(n\\,3):amount=0")
    return OddFile(path, last=range(COUNT - GOP, COUNT), place=0)


def h264_from_the_middle(folder: Path) -> OddFile:
    """The MP4 reader itself drops what comes before the first key frame."""
    odd = _without_the_first_packets(folder, "h264.mp4", X264)
    return replace(odd, place=None)


def hevc_from_the_middle(folder: Path) -> OddFile:
    return _without_the_first_packets(folder, "hevc.mp4", X265)


def vp8_from_the_middle(folder: Path) -> OddFile:
    return _without_the_first_packets(folder, "vp8.webm", ("-c:v", "libvpx", *VPX))


def vp9_from_the_middle(folder: Path) -> OddFile:
    return _without_the_first_packets(folder, "vp9.webm", ("-c:v", "libvpx-vp9", *VPX))


def av1_from_the_middle(folder: Path) -> OddFile:
    return _without_the_first_packets(folder, "av1.mp4", AV1)


def mpeg4_from_the_middle(folder: Path) -> OddFile:
    return _without_the_first_packets(folder, "mpeg4.avi", MPEG4)


STARTS_BETWEEN_KEY_FRAMES: list[Maker] = [
    h264_ts_from_the_middle,
    mpeg2_ts_from_the_middle,
    hevc_ts_from_the_middle,
    h264_from_the_middle,
    hevc_from_the_middle,
    vp8_from_the_middle,
    vp9_from_the_middle,
    av1_from_the_middle,
    mpeg4_from_the_middle,
]


# --- pieces of a stream, joined ------------------------------------------------------------------


def _segments(folder: Path, options: Sequence[str], ending: str = "ts") -> list[bytes]:
    """Three segments of 12 frames whose time goes on, each with counters from zero."""
    segments = []
    for index in range(3):
        frames = noisy_frames(index * GOP, (index + 1) * GOP)
        offset = ("-output_ts_offset", str(index * GOP / 30))
        path = encode(folder / f"segment{index}.{ending}", frames, *options, *offset)
        segments.append(path.read_bytes())
    return segments


def _joined(folder: Path, options: Sequence[str], numbers: Sequence[int]) -> OddFile:
    segments = _segments(folder, options)
    path = folder / "joined.ts"
    path.write_bytes(b"".join(segments[number] for number in numbers))
    shown = [number * GOP + index for number in numbers for index in range(GOP)]
    return OddFile(path, first=shown, last=shown)


def joined_h264_ts(folder: Path) -> OddFile:
    return _joined(folder, X264, (0, 1, 2))


def joined_hevc_ts(folder: Path) -> OddFile:
    return _joined(folder, X265, (0, 1, 2))


def joined_mpeg2_ts(folder: Path) -> OddFile:
    return _joined(folder, MPEG2, (0, 1, 2))


def hls_without_a_segment(folder: Path) -> OddFile:
    """What is left of a live stream when the download of one segment failed."""
    whole = encode(folder / "live.mp4", noisy_frames(), *X264)
    ffmpeg(
        *("-i", whole, "-c", "copy", "-f", "hls", "-hls_time", "0.4", "-hls_list_size", "0"),
        *("-hls_segment_filename", folder / "live%d.ts", folder / "live.m3u8"),
    )
    path = folder / "live.ts"
    path.write_bytes((folder / "live0.ts").read_bytes() + (folder / "live2.ts").read_bytes())
    shown = [*range(GOP), *range(2 * GOP, 3 * GOP)]
    return OddFile(path, first=shown, last=shown)


def ts_whose_clock_starts_again(folder: Path) -> OddFile:
    """The same segment twice: time jumps back."""
    return _joined(folder, X264, (0, 0))


JOINED: list[Maker] = [
    joined_h264_ts,
    joined_hevc_ts,
    joined_mpeg2_ts,
    hls_without_a_segment,
    ts_whose_clock_starts_again,
]


# --- cut short -----------------------------------------------------------------------------------


def _cut_short(folder: Path, name: str, options: Sequence[str]) -> OddFile:
    """The first two thirds of a file."""
    whole = encode(folder / f"whole_{name}", noisy_frames(), *options)
    data = whole.read_bytes()
    path = folder / name
    path.write_bytes(data[: len(data) * 2 // 3])
    return OddFile(path, first=range(GOP), place=COUNT * 2 // 3, near=14)


def cut_short_mp4(folder: Path) -> OddFile:
    return _cut_short(folder, "cut.mp4", (*X264, "-movflags", "+faststart"))


def cut_short_fragmented_mp4(folder: Path) -> OddFile:
    flags = "+frag_keyframe+empty_moov+default_base_moof"
    return _cut_short(folder, "fragmented.mp4", (*X264, "-movflags", flags))


def cut_short_mkv(folder: Path) -> OddFile:
    return _cut_short(folder, "cut.mkv", X264)


def cut_short_webm(folder: Path) -> OddFile:
    return _cut_short(folder, "cut.webm", ("-c:v", "libvpx", *VPX))


def cut_short_flv(folder: Path) -> OddFile:
    return _cut_short(folder, "cut.flv", X264)


def cut_short_ts(folder: Path) -> OddFile:
    return _cut_short(folder, "cut.ts", X264)


def cut_short_avi(folder: Path) -> OddFile:
    return _cut_short(folder, "cut.avi", ("-c:v", "mjpeg", "-q:v", "3"))


def cut_short_gif(folder: Path) -> OddFile:
    return _cut_short(folder, "cut.gif", ())


CUT_SHORT: list[Maker] = [
    cut_short_mp4,
    cut_short_fragmented_mp4,
    cut_short_mkv,
    cut_short_webm,
    cut_short_flv,
    cut_short_ts,
    cut_short_avi,
    cut_short_gif,
]


# --- damaged in the middle -----------------------------------------------------------------------


def damaged_in_the_middle(folder: Path) -> OddFile:
    """An MKV whose frames around 18 are overwritten; the third group of pictures is whole."""
    whole = encode(folder / "whole.mkv", noisy_frames(), *X264)
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(1).bytes(2000)
    path = folder / "damaged.mkv"
    path.write_bytes(data)
    return OddFile(path, first=range(GOP), last=range(COUNT - 8, COUNT), place=COUNT // 2)


def ts_that_lost_packets(folder: Path) -> OddFile:
    """Eight packets of 188 bytes around frame 18 never came."""
    whole = encode(folder / "whole.ts", noisy_frames(), *X264)
    data = whole.read_bytes()
    middle = len(data) // TS_PACKET // 2 * TS_PACKET
    path = folder / "lost.ts"
    path.write_bytes(data[:middle] + data[middle + 8 * TS_PACKET :])
    return OddFile(path, first=range(GOP), last=range(COUNT - 8, COUNT), place=COUNT // 2)


def jpeg_frames_overwritten(folder: Path) -> OddFile:
    """A Motion JPEG AVI, every picture a key frame, in which about one picture is overwritten."""
    whole = encode(folder / "whole.avi", noisy_frames(), "-c:v", "mjpeg", "-q:v", "3")
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 900] = np.random.default_rng(1).bytes(900)
    path = folder / "damaged.avi"
    path.write_bytes(data)
    return OddFile(path, first=range(14), last=range(COUNT - 12, COUNT), place=COUNT // 2)


DAMAGED: list[Maker] = [damaged_in_the_middle, ts_that_lost_packets, jpeg_frames_overwritten]


# --- every picture of what has several -----------------------------------------------------------


def _pictures() -> list[Image.Image]:
    return [Image.fromarray(frame) for frame in noisy_frames(0, 6)]


def animated_avif(folder: Path) -> OddFile:
    first, *rest = _pictures()
    first.save(folder / "a.avif", save_all=True, append_images=rest, duration=100, quality=90)
    return OddFile(folder / "a.avif", first=range(6), last=range(6))


def animated_avif_with_alpha(folder: Path) -> OddFile:
    first, *rest = [picture.convert("RGBA") for picture in _pictures()]
    for number, picture in enumerate((first, *rest)):
        picture.putalpha(40 * number + 10)
    first.save(folder / "a.avif", save_all=True, append_images=rest, duration=100, quality=90)
    return OddFile(folder / "a.avif", first=range(6), last=range(6))


def animated_webp(folder: Path) -> OddFile:
    first, *rest = _pictures()
    first.save(folder / "a.webp", save_all=True, append_images=rest, duration=100)
    return OddFile(folder / "a.webp", first=range(6), last=range(6))


def animated_png(folder: Path) -> OddFile:
    first, *rest = _pictures()
    first.save(folder / "a.png", save_all=True, append_images=rest, duration=100)
    return OddFile(folder / "a.png", first=range(6), last=range(6))


def animated_jpegxl(folder: Path) -> OddFile:
    options = ("-c:v", "libjxl_anim", "-effort", "1", "-f", "image2pipe")
    path = encode(folder / "a.jxl", noisy_frames(0, 6), *options)
    return OddFile(path, first=range(6), last=range(6))


def motion_jpeg_stream(folder: Path) -> OddFile:
    """JPEG pictures one after the other, as cameras send them; nothing before, between, after."""
    path = encode(folder / "m.mjpeg", noisy_frames(0, 12), "-q:v", "3", "-f", "mjpeg")
    return OddFile(path, first=range(12), last=range(12))


def motion_jpeg_over_http(folder: Path) -> OddFile:
    """The same with the part headers of a network camera's HTTP answer between them."""
    options = ("-c:v", "mjpeg", "-q:v", "3", "-f", "mpjpeg")
    path = encode(folder / "m.mpjpeg", noisy_frames(0, 12), *options)
    return OddFile(path, first=range(12), last=range(12))


def jpeg_with_a_second_view(folder: Path) -> OddFile:
    """A multi-picture JPEG: a still to every viewer, whatever its other views are."""
    first, second, *_ = _pictures()
    first.save(folder / "s.mpo", save_all=True, append_images=[second], quality=90)
    return OddFile(folder / "s.mpo", first=[0], last=[0])


MULTI_PICTURE: list[Maker] = [
    animated_avif,
    animated_avif_with_alpha,
    animated_webp,
    animated_png,
    animated_jpegxl,
    motion_jpeg_stream,
    motion_jpeg_over_http,
    jpeg_with_a_second_view,
]


# --- several video tracks ------------------------------------------------------------------------


def _two_tracks(folder: Path, name: str, first: Path, second: Path, *options: str) -> Path:
    path = folder / name
    ffmpeg("-i", first, "-i", second, "-map", "0", "-map", "1", "-c", "copy", *options, path)
    return path


def _small_and_film(folder: Path) -> tuple[Path, Path]:
    """A track of five frames numbered from 100, and a film of 12 numbered from 0."""
    small = encode(folder / "small.mp4", [noisy(n, (64, 48)) for n in range(100, 105)], *X264)
    return small, encode(folder / "film.mp4", noisy_frames(0, 12), *X264)


FILM = range(12)


def second_track_is_default(folder: Path) -> OddFile:
    small, film = _small_and_film(folder)
    flags = ("-disposition:v:0", "0", "-disposition:v:1", "default")
    return OddFile(_two_tracks(folder, "t.mkv", small, film, *flags), first=FILM, last=FILM)


def first_track_is_default(folder: Path) -> OddFile:
    small, film = _small_and_film(folder)
    flags = ("-disposition:v:0", "default", "-disposition:v:1", "0")
    return OddFile(_two_tracks(folder, "t.mkv", film, small, *flags), first=FILM, last=FILM)


def larger_track_is_not_default(folder: Path) -> OddFile:
    """The flag counts, not the size: as for a film with a larger view from another angle."""
    small, film = _small_and_film(folder)
    flags = ("-disposition:v:0", "0", "-disposition:v:1", "default")
    shown = range(100, 105)
    return OddFile(_two_tracks(folder, "t.mkv", film, small, *flags), first=shown, last=shown)


def second_track_is_enabled(folder: Path) -> OddFile:
    """MP4 has no default flag but one that says whether a track is enabled."""
    small, film = _small_and_film(folder)
    flags = ("-disposition:v:0", "0", "-disposition:v:1", "default")
    return OddFile(_two_tracks(folder, "t.mp4", small, film, *flags), first=FILM, last=FILM)


def thumbnail_track(folder: Path) -> OddFile:
    """A drone's MP4: a track of one small JPEG, enabled, then the film."""
    _, film = _small_and_film(folder)
    small = encode(folder / "thumb.mp4", [noisy(99, (64, 48))], "-c:v", "mjpeg", "-q:v", "3")
    path = _two_tracks(folder, "t.mp4", small, film)
    return OddFile(path, first=FILM, last=FILM)


def slow_thumbnail_track(folder: Path) -> OddFile:
    """The same with a JPEG every fifth of a second."""
    _, film = _small_and_film(folder)
    frames = [noisy(n, (64, 48)) for n in (98, 99)]
    small = encode(folder / "thumb.mp4", frames, "-c:v", "mjpeg", "-q:v", "3", rate=5)
    path = _two_tracks(folder, "t.mp4", small, film)
    return OddFile(path, first=FILM, last=FILM)


def cover_picture(folder: Path) -> OddFile:
    _, film = _small_and_film(folder)
    Image.fromarray(noisy(99, (640, 480))).save(folder / "cover.jpg")
    flags = ("-disposition:v:0", "attached_pic")
    path = _two_tracks(folder, "t.mp4", folder / "cover.jpg", film, *flags)
    return OddFile(path, first=FILM, last=FILM)


TRACKS: list[Maker] = [
    second_track_is_default,
    first_track_is_default,
    larger_track_is_not_default,
    second_track_is_enabled,
    thumbnail_track,
    slow_thumbnail_track,
    cover_picture,
]


# --- colour under transparency -------------------------------------------------------------------

ALPHA: dict[str, tuple[str, ...]] = {
    "png.mov": ("-c:v", "png"),
    "qtrle.mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
    "prores.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
    "hevc.mov": (*X265, "-pix_fmt", "yuva420p"),
    "ffv1_420.mkv": ("-c:v", "ffv1", "-pix_fmt", "yuva420p"),
    "ffv1_444_10.mkv": ("-c:v", "ffv1", "-pix_fmt", "yuva444p10le"),
    "ffv1_rgb.mkv": ("-c:v", "ffv1", "-pix_fmt", "bgra"),
    "magicyuv.avi": ("-c:v", "magicyuv", "-pix_fmt", "yuva444p"),
    "utvideo.avi": ("-c:v", "utvideo", "-pix_fmt", "gbrap"),
    "cineform.mov": ("-c:v", "cfhd", "-pix_fmt", "gbrap12le"),
    "jpeg2000.mov": ("-c:v", "jpeg2000", "-pix_fmt", "rgba"),
    "raw.nut": ("-c:v", "rawvideo", "-pix_fmt", "yuva420p"),
    "vp8.webm": ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-deadline", "realtime"),
    "lossy.webp": ("-c:v", "libwebp", "-lossless", "0", "-pix_fmt", "yuva420p"),
    "lossless.webp": ("-c:v", "libwebp", "-lossless", "1", "-pix_fmt", "bgra"),
    "animated_lossy.webp": ("-c:v", "libwebp_anim", "-lossless", "0", "-pix_fmt", "yuva420p"),
    "apng.png": (
        "-f",
        "apng",
    ),
    "still.png": ("-frames:v", "1", "-update", "1"),
    "still.bmp": ("-frames:v", "1", "-update", "1", "-pix_fmt", "bgra"),
    "still.tif": ("-frames:v", "1", "-update", "1", "-pix_fmt", "rgba"),
    "still.jxl": ("-c:v", "libjxl", "-frames:v", "1", "-update", "1"),
}
"""Files by name, each with the options that make it of pictures with alpha."""


def with_alpha(folder: Path, name: str, size: tuple[int, int] = SIZE) -> Path:
    """Two frames, all `ORANGE`."""
    frame = np.tile(np.array(ORANGE, np.uint8), (size[1], size[0], 1))
    still = "-frames:v" in ALPHA[name] or name in ("lossy.webp", "lossless.webp")
    return encode(folder / name, [frame] * (1 if still else 2), *ALPHA[name], pixels="rgba")


# --- colours that have a name only ---------------------------------------------------------------

UNKNOWN_MATRICES = ["ictcp", "bt2020c", "chroma-derived-nc", "chroma-derived-c", "smpte2085"]
UNKNOWN_TRANSFERS = ["log100", "log316", "smpte428", "bt1361e", "iec61966-2-4"]
RED = (255, 0, 0)


def tagged_red(path: Path, *, tags: str) -> Path:
    """Three red frames coded by BT.601's matrix, whatever `tags` (of `setparams`) say."""
    frame = np.tile(np.array(RED, np.uint8), (SIZE[1], SIZE[0], 1))
    options = ("-vf", f"format=yuv420p,setparams={tags}", "-c:v", "ffv1")
    return encode(path, [frame] * 3, *options)


# --- properties that change in mid-stream --------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """Frames of one colour, coded in one way."""

    rgb: tuple[int, int, int]
    matrix: str = "smpte170m"
    range: str = "tv"
    pixels: str = "yuv420p"
    size: tuple[int, int] = SIZE


CHANGES: dict[str, tuple[Part, Part]] = {
    "range": (Part((200, 60, 40)), Part((200, 60, 40), range="pc")),
    "range_back": (Part((40, 160, 60), range="pc"), Part((40, 160, 60))),
    "matrix": (Part((200, 60, 40)), Part((200, 60, 40), matrix="bt709")),
    "matrix_back": (Part((30, 60, 200), matrix="bt709"), Part((30, 60, 200))),
    "size": (Part((200, 60, 40)), Part((30, 60, 200), size=(160, 96))),
    "smaller": (Part((200, 60, 40), size=(160, 96)), Part((30, 60, 200))),
    "subsampling": (Part((200, 60, 40)), Part((30, 60, 200), pixels="yuv444p")),
    "depth": (Part((200, 60, 40)), Part((30, 60, 200), pixels="yuv420p10le")),
    "all": (
        Part((200, 60, 40)),
        Part((30, 60, 200), "bt709", "pc", "yuv444p", (160, 96)),
    ),
}


def changing(folder: Path, name: str) -> Path:
    """Six frames of each part, in one H.264 stream."""
    streams = []
    for index, part in enumerate(CHANGES[name]):
        frame = np.tile(np.array(part.rgb, np.uint8), (part.size[1], part.size[0], 1))
        scale = f"scale=out_color_matrix={part.matrix}:out_range={part.range}:flags=accurate_rnd"
        tags = f"setparams=colorspace={part.matrix}:range={part.range}"
        options = ("-vf", f"{scale},format={part.pixels},{tags}", "-c:v", "libx264", "-qp", "4")
        options += ("-pix_fmt", part.pixels, "-color_range", part.range)
        path = encode(folder / f"{index}.h264", [frame] * 6, *options, "-preset", "ultrafast")
        streams.append(path.read_bytes())
    path = folder / "changing.h264"
    path.write_bytes(b"".join(streams))
    return path
