"""Untrusted files: whatever one holds, one InputError in bounded time, and no other file read."""

from __future__ import annotations

import http.server
import re
import resource
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.hostile import huge_canvas_gif, huge_index_mp4
from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.video.decode import read_frames
from sam2_video.video.ffmpeg_log import DecoderLog
from sam2_video.video.open_video import probe_video
from tests.clips import H264, draw, encode, ffmpeg, number_of, numbered, remux
from tests.video.read_all import captured_log

SMALL = Limits(max_decode_seconds=120, max_frames=500)  # far more than a few kilobytes need


def refusal(path: Path, limits: Limits = SMALL) -> str:
    """The sentence with which a file is refused; checks its form."""
    with pytest.raises(InputError) as caught:
        probe_video(path, limits)
    sentence = str(caught.value)
    assert re.fullmatch(r"input_video [ -~]+[^ .]", sentence), sentence
    assert len(sentence) < 250
    assert "takes longer" not in sentence
    for leak in (path.name, " 0x", " @ ", "[", "fd:", "/", "Error"):
        assert leak not in sentence, sentence
    return sentence


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with good clips of several kinds, and a text file that nobody may read."""
    folder = tmp_path_factory.mktemp("hostile")
    frames = numbered(12)
    encode(folder / "a.mp4", frames, *H264, "-g", "6", "-bf", "2", "-movflags", "+faststart")
    encode(folder / "a.mkv", frames, *H264)
    encode(folder / "a.webm", frames, "-c:v", "libvpx-vp9", "-deadline", "realtime")
    encode(folder / "a.avi", frames, "-c:v", "mjpeg")
    encode(folder / "a.ts", frames, *H264)
    encode(folder / "a.gif", frames, rate=10)
    for ending in (".jpg", ".png", ".webp"):
        Image.fromarray(draw(7)).save(folder / f"a{ending}")
    (folder / "secret.txt").write_text("secret\n")
    return folder


# --- files that are no video ---------------------------------------------------------------------


def test_empty(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert refusal(path) == "input_video is empty (0 bytes); send a video or a picture"


def test_missing_or_a_folder(tmp_path):
    for path in (tmp_path / "missing.mp4", tmp_path):
        assert refusal(path) == "input_video is not a file; send a video or a picture"


@pytest.mark.parametrize(
    "content",
    [
        b"hello, this is a text\n" * 50,
        b"0",
        b"\0" * 5000,
        bytes(range(256)) * 20,
        b'{"input_video": "https://example.com/a.mp4"}',
        b"<html><body>404 Not Found</body></html>",
        b"PK\x03\x04" + b"\0" * 500,
        b"%PDF-1.7\n" + b"\0" * 500,
        b"\x7fELF" + b"\0" * 500,
        b"1\n00:00:00,000 --> 00:00:01,000\nsubtitle\n",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_other_kinds_of_file(content, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert "is not a video or picture that can be read" in refusal(path)


@pytest.mark.parametrize(
    "magic",
    [
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"BM",
        b"II*\0",
        b"MM\0*",
        b"RIFF\x10\0\0\0WEBP",
        b"GIF89a",
        b"\x1a\x45\xdf\xa3",
        b"\0\0\0\x18ftypisom",
        b"RIFF\x10\0\0\0AVI ",
        b"FLV\x01",
        b"\x30\x26\xb2\x75",
        b"OggS",
        b"G" + b"\0" * 187 + b"G",
        b"YUV4MPEG2 W96 H72 F30:1\n",
        b"DKIF",
        b"\0\0\0\1\x67",
    ],
)
def test_nothing_but_the_first_bytes(magic, tmp_path):  # fmt: skip
    path = tmp_path / "file"
    for tail in (b"", b"\xff" * 3000):
        path.write_bytes(magic + tail)
        refusal(path)


def test_sound_only(tmp_path, folder):
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", "aac", tmp_path / "sound.m4a")
    assert refusal(tmp_path / "sound.m4a") == "input_video has no video stream"
    ffmpeg(
        *("-i", tmp_path / "sound.m4a", "-i", folder / "a.jpg", "-map", "0", "-map", "1"),
        *("-c", "copy", "-disposition:v", "attached_pic", tmp_path / "cover.mp4"),
    )
    assert refusal(tmp_path / "cover.mp4") == "input_video has no video stream"
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", tmp_path / "sound.wav")
    refusal(tmp_path / "sound.wav")


def test_a_video_without_pictures(tmp_path, folder):
    header = (folder / "a.avi").read_bytes()
    (tmp_path / "none.avi").write_bytes(header[: header.index(b"movi") + 4])
    refusal(tmp_path / "none.avi")
    (tmp_path / "none.y4m").write_bytes(b"YUV4MPEG2 W96 H72 F30:1 Ip A1:1 C420jpeg\n")
    refusal(tmp_path / "none.y4m")
    ffmpeg(*("-f", "lavfi", "-i", "color=s=96x72:d=0.1", *H264), "-t", "0", tmp_path / "none.mp4")
    refusal(tmp_path / "none.mp4")


def test_a_picture_in_tiles(tmp_path):
    """As phones store HEIC: ffmpeg would give the first tile for the whole picture."""
    Image.new("RGB", (64, 48)).save(tmp_path / "tile.avif")
    data = (tmp_path / "tile.avif").read_bytes()
    tile = data[data.index(b"mdat") + 4 :]
    at = data.index(b"av1C") - 4
    codec = data[at : at + int.from_bytes(data[at : at + 4], "big")]

    def box(kind: bytes, content: bytes, version: int | None = 0) -> bytes:
        head = b"" if version is None else bytes([version, 0, 0, 0])
        return struct.pack(">I4s", 8 + len(head + content), kind) + head + content

    def numbers(layout: str, *values: int) -> bytes:
        return struct.pack(f">{layout}", *values)

    def item(number: int, kind: bytes) -> bytes:
        return box(b"infe", numbers("HH", number, 0) + kind + b"\0", 2)

    kind = box(b"ftyp", b"avif\0\0\0\0avifmif1miaf", None)
    sizes = box(b"ispe", numbers("II", 128, 48)) + box(b"ispe", numbers("II", 64, 48))
    links = numbers("I HBB HBBB HBBB", 3, 1, 1, 1, 2, 2, 2, 0x83, 3, 2, 2, 0x83)
    properties = box(b"ipco", sizes + codec, None) + box(b"ipma", links)

    def index(start: int) -> bytes:
        places = numbers("BBH HHHHII", 0x44, 0, 3, 1, 1, 0, 1, 0, 8)
        for number in (2, 3):
            places += numbers("HHHHII", number, 0, 0, 1, start, len(tile))
        boxes = [
            box(b"hdlr", b"\0\0\0\0pict" + b"\0" * 13),
            box(b"pitm", numbers("H", 1)),
            box(b"iloc", places, 1),
            box(b"iinf", numbers("H", 3) + item(1, b"grid") + item(2, b"av01") + item(3, b"av01")),
            box(b"iref", box(b"dimg", numbers("HHHH", 1, 2, 2, 3), None)),
            box(b"iprp", properties, None),
            box(b"idat", numbers("BBBBHH", 0, 0, 0, 1, 128, 48), None),
        ]
        return kind + box(b"meta", b"".join(boxes))

    (tmp_path / "grid.avif").write_bytes(index(len(index(0)) + 8) + box(b"mdat", tile, None))
    assert probe_video(tmp_path / "tile.avif").num_frames == 1
    assert "HEIF picture in tiles" in refusal(tmp_path / "grid.avif")


# --- damaged files -------------------------------------------------------------------------------

KINDS = ["a.mp4", "a.mkv", "a.webm", "a.avi", "a.ts", "a.gif", "a.jpg", "a.png", "a.webp"]


@pytest.mark.parametrize("name", KINDS)
def test_cut_short(name, folder, tmp_path):
    """Its pictures are the result, with a warning; it is refused where there are none."""
    whole = (folder / name).read_bytes()
    count = probe_video(folder / name).num_frames
    path = tmp_path / "part"
    for part in (0.3, 0.62, 0.85):
        path.write_bytes(whole[: int(len(whole) * part)])
        with captured_log() as warnings:
            try:
                found = probe_video(path, SMALL).num_frames
            except InputError:
                assert "can be read" in refusal(path)
                continue
        assert 0 < found <= count
        assert len(warnings) <= 1
        # MPEG-TS and GIF may be cut between two pictures, where nothing is damaged.
        if found < count and name not in ("a.ts", "a.gif"):
            assert re.match(r"input_video is damaged near frames? \d+", warnings[0])
            assert f"{found} frame" in warnings[0]


def test_a_recording_that_was_never_finished(folder, tmp_path):
    remux(folder / "a.mp4", tmp_path / "late.mp4")  # its index at the end
    data = (tmp_path / "late.mp4").read_bytes()
    (tmp_path / "late.mp4").write_bytes(data[: data.index(b"moov") - 4])
    assert "its index is missing" in refusal(tmp_path / "late.mp4")


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video", "wmv2", "ffv1"])
def test_a_damaged_picture_in_the_middle(codec, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (12, 72, 96, 3), np.uint8)
    good = encode(tmp_path / "good.mkv", noise, "-c:v", codec, "-g", "4", "-pix_fmt", "yuv420p")
    assert probe_video(good).num_frames == 12
    data = bytearray(good.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = noise.tobytes()[:300]
    (tmp_path / "bad.mkv").write_bytes(data)
    with captured_log() as warnings:
        found = probe_video(tmp_path / "bad.mkv", SMALL).num_frames
    assert 0 < found <= 12
    (warning,) = warnings
    assert re.match(r"input_video is damaged near frames? \d+", warning)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(KINDS),
    end=st.floats(0, 1.3),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=6),
)
def test_any_damage_is_refused_or_harmless(folder, tmp_path, name, end, flips):  # fmt: skip
    data = bytearray((folder / name).read_bytes())
    del data[int(len(data) * end) :]
    for place, mask in flips:
        if data:
            data[int(place * len(data))] ^= mask
    path = tmp_path / "fuzzed"
    path.write_bytes(data)
    try:
        video = probe_video(path, SMALL)
        assert len(list(read_frames(video))) == video.num_frames
    except InputError as error:
        sentence = str(error)
    else:
        sentence = "input_video is fine"
    assert re.fullmatch(r"input_video [ -~]+", sentence)
    assert "takes longer" not in sentence


# --- sizes and lengths ---------------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def gif(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    picture = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + screen + picture + b";"


def jpeg(width: int, height: int, folder: Path) -> bytes:
    data = (folder / "a.jpg").read_bytes()
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header + b"\0" * 999


def y4m(width: int, height: int) -> bytes:
    return f"YUV4MPEG2 W{width} H{height} F30:1 C420jpeg\nFRAME\n".encode() + b"\0" * 999


def huge(kind: str, folder: Path) -> bytes:
    side = 30_000
    makers = {"png": png, "gif": gif, "bmp": bmp, "y4m": y4m}
    return jpeg(side, side, folder) if kind == "jpg" else makers[kind](side, side)


@pytest.mark.parametrize("kind", ["png", "gif", "jpg", "bmp", "y4m"])
def test_a_huge_header(kind, folder, tmp_path):
    path = tmp_path / f"huge.{kind}"
    path.write_bytes(huge(kind, folder))
    sentence = refusal(path)
    assert sentence == (
        "input_video has 30000x30000 pixels a frame, more than the 33177600 allowed "
        "(SAM2_MAX_FRAME_PIXELS)"
    )


def test_a_huge_header_takes_no_memory(folder, tmp_path):
    for kind in ("png", "gif", "jpg", "bmp", "y4m"):
        (tmp_path / kind).write_bytes(huge(kind, folder))
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from sam2_video.video.open_video import probe_video\n"
        "for path in Path(sys.argv[1]).iterdir():\n"
        "    try: probe_video(path)\n"
        "    except ValueError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300 * 1024  # kilobytes


def test_a_long_clip_is_stopped_at_the_limit(tmp_path):
    """A small file of many pictures is not decoded to its end to be refused."""
    ffmpeg("-f", "lavfi", "-i", "color=s=16x16:r=1000:d=5", *H264, tmp_path / "long.mp4")
    sentence = refusal(tmp_path / "long.mp4", Limits(max_frames=100))
    assert sentence == "input_video has more than the 100 frames allowed (SAM2_MAX_FRAMES)"


# --- files that name other files -----------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[str]]]:
    """A web server that notes who asks for anything."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}", asked
        web.shutdown()


SCRIPTS = {
    "concat": "ffconcat version 1.0\nfile '{path}'\nfile 'a.mp4'\n",
    "concat without a header": "file '{path}'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
    "hls http": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
    "hls key": (
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{url}/key"\n'
        "#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n"
    ),
    "hls concat": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nconcat:{path}|{secret}\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
        "<BaseURL>{url}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "svg": (
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" width="96" height="72">'
        '<image xlink:href="file://{path}" width="96" height="72"/>'
        '<image xlink:href="{url}/a.png" width="96" height="72"/></svg>'
    ),
    "avisynth": 'FFVideoSource("{path}")\n',
    "url file": "[InternetShortcut]\nURL={url}/a.mp4\n",
    "asx": '<asx version="3.0"><entry><ref href="{url}/a.mp4"/></entry></asx>',
    "quicktime text": "RTSPtext\n{url}/a.mp4\n",
    "lavfi": "movie={path}",
    "ffmetadata": ";FFMETADATA1\ntitle={path}\n",
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_file_that_names_other_files(kind, folder, tmp_path, server):
    url, asked = server
    text = SCRIPTS[kind].format(path=folder / "a.jpg", secret=folder / "secret.txt", url=url)
    endings = {"hls": ".m3u8", "dash": ".mpd", "svg": ".svg", "sdp": ".sdp", "avisynth": ".avs"}
    path = tmp_path / ("list" + endings.get(kind.split()[0], ""))
    path.write_text(text)
    refusal(path)
    assert not asked


def test_a_movie_that_keeps_its_pictures_in_another_file(folder, tmp_path):
    """A QuickTime reference movie: its table of data sources names a file beside it."""
    remux(folder / "a.mp4", tmp_path / "a.mov")
    data = (tmp_path / "a.mov").read_bytes()
    place = data.index(b"dref") + 12  # the one entry, saying that the data is in this file
    assert data[place + 4 : place + 8] in (b"url ", b"alis")
    location = b"file://" + bytes(folder / "a.mp4") + b"\0"
    entry = struct.pack(">I4sI", 12 + len(location), b"url ", 0) + location
    old = struct.unpack(">I", data[place : place + 4])[0]
    patched = data[:place] + entry + data[place + old :]
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = patched.rindex(box, 0, place) - 4
        size = struct.unpack(">I", patched[at : at + 4])[0] + len(entry) - old
        patched = patched[:at] + struct.pack(">I", size) + patched[at + 4 :]
    without = patched[: patched.index(b"mdat") + 4]
    (tmp_path / "ref.mov").write_bytes(without + patched[patched.index(b"moov") - 4 :])
    refusal(tmp_path / "ref.mov")


@pytest.mark.parametrize(
    "name",
    [
        "-i.mp4",
        "-f lavfi.mp4",
        'it\'s "quoted".mp4',
        "img%03d.jpg",
        "*.png",
        "concat:a.mp4|b.mp4",
        "pipe:0",
        "http:example.mp4",
        "new\nline.mp4",
        "$(touch x).mp4",
        "file.mp4:1",
        "ümläut\U0001f600.mp4",
        "x" * 250 + ".mp4",
    ],
)
def test_odd_names(name, folder, tmp_path, monkeypatch):
    (tmp_path / name).write_bytes((folder / "a.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert [number_of(frame) for frame in read_frames(probe_video(Path(name)))] == list(range(12))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_no_descriptor_is_left_open(folder, tmp_path):
    def open_now() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    (tmp_path / "bad").write_bytes(b"bad")
    refusal(tmp_path / "bad")
    before = open_now()
    for _ in range(3):
        refusal(tmp_path / "bad")
        frames = read_frames(probe_video(folder / "a.mp4"))
        next(frames)
        frames.close()
    assert open_now() == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0


@pytest.mark.parametrize(
    "line",
    [
        "color_range:tv color_space:unknownslice CRC mismatch 1516E6B8!at 0.167000 seconds",
        "n:  20 pts:  67 pts_time:0.67 iskey:0 type:P LZW decode failed",
        "color_range:pcInvalid data",
        "color_range:pcfailed",
    ],
)
def test_a_complaint_in_the_middle_of_another_line_is_heard(line: str):
    # ffmpeg's threads write into each other's lines; the second message has no prefix then.
    log = DecoderLog()
    log.add(f"[Parsed_showinfo_0 @ 0x7f] [info] {line}\n".encode())
    assert log.damaged_at


@pytest.mark.parametrize(
    "line",
    [
        "n:  20 pts:  67 pts_time:0.67 iskey:0 type:P demuxer -> ist_index:0:0 type:video",
        "color_range:pc deprecated pixel format used",
        "  side data - User Data Unregistered: UUID=00 error=missing",
    ],
)
def test_another_line_in_the_middle_of_a_line_is_no_complaint(line: str):
    log = DecoderLog()
    log.add(f"[Parsed_showinfo_0 @ 0x7f] [info] {line}\n".encode())
    assert not log.damaged_at


# --- small files that ask for gigabytes ----------------------------------------------------------


def test_a_decoder_gets_no_more_memory_than_allowed(tmp_path):
    few = replace(SMALL, max_decoder_bytes=512 * 1024**2)
    canvas = huge_canvas_gif(tmp_path / "canvas.gif", frames=20)
    assert refusal(canvas, few) == (
        "input_video takes more memory to decode than the 536870912 bytes allowed "
        "(SAM2_MAX_DECODER_BYTES)"
    )
    refusal(huge_index_mp4(tmp_path / "index.mp4"), few)


def test_what_fits_into_the_memory_is_decoded(tmp_path, folder):
    few = replace(SMALL, max_decoder_bytes=512 * 1024**2)
    for name in ("a.mp4", "a.webm", "a.gif", "a.png"):
        assert probe_video(folder / name, few).num_frames
