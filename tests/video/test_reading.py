"""One decoding that begins while the video is checked, and the planes it can give."""

import subprocess
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS
from sam2_video.engine.model import LoadedModel, load_model
from sam2_video.prediction.pipeline import segment
from sam2_video.video import frames as frames_module
from sam2_video.video.frames import Reading, open_video, read_frames
from tests.clips import FFMPEG, H264, draw, encode, number_of, numbered
from tests.processes import children

PLAIN = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", *H264)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 numbered pictures in 8 bits, 4:2:0, BT.709, limited range."""
    return encode(tmp_path_factory.mktemp("plain") / "plain.mp4", numbered(40), *PLAIN)


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model("nano")


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The filters of every decoding that is started."""
    started = []
    decoder = frames_module.Decoder

    def counted(path: Path, filters: str, *arguments, **options):
        started.append(filters)
        return decoder(path, filters, *arguments, **options)

    monkeypatch.setattr(frames_module, "Decoder", counted)
    return started


def rgb_of(planes: np.ndarray) -> np.ndarray:
    """What ffmpeg makes of the planes of one picture."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    command = [FFMPEG, "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p"]
    command += ["-s", f"{width}x{height}", "-i", "-", "-pix_fmt", "rgb24", "-f", "rawvideo"]
    command += ["-vf", "scale=in_color_matrix=bt709:in_range=tv:flags=bilinear+accurate_rnd", "-"]
    done = subprocess.run(command, input=planes.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width, 3)


def test_planes_are_those_of_the_frame_beside_them(plain: Path) -> None:
    with Reading(as_planes=True) as reading:
        video = open_video(plain, reading=reading)
        assert video.is_plain
        assert reading.as_planes
        pairs = list(reading.frames(video))
    assert [number_of(rgb) for _, rgb in pairs] == list(range(40))
    for (planes, rgb), frame in zip(pairs, read_frames(video), strict=True):
        assert planes.shape == (video.height * 3 // 2, video.width)
        assert (rgb == frame).all()
        assert np.abs(rgb_of(planes).astype(int) - rgb).mean() <= 2


@pytest.mark.parametrize(
    "options",
    [
        H264,  # states no matrix: BT.601 at this size
        ("-vf", "scale=out_color_matrix=bt709:out_range=pc", "-colorspace", "bt709", *H264),
        (*PLAIN[:-1], "yuv444p"),
        (*PLAIN[:-1], "yuv420p10le"),
        ("-vf", f"{PLAIN[1]},setparams=chroma_location=topleft", *PLAIN[2:]),
        (*PLAIN, "-flags", "+ildct", "-x264-params", "tff=1"),
    ],
    ids=["601", "full range", "444", "10 bits", "chroma elsewhere", "interlaced"],
)
def test_what_is_not_plain_comes_as_rgb(options: tuple[str, ...], tmp_path: Path) -> None:
    full = ("-color_range", "pc") if "pc" in options[1] else ()
    path = encode(tmp_path / "clip.mkv", numbered(3), *options, *full)
    with Reading(as_planes=True) as reading:
        video = open_video(path, reading=reading)
        assert not video.is_plain
        assert not reading.as_planes
        for picture, rgb in reading.frames(video):
            assert picture is rgb
            assert picture.shape == (video.height, video.width, 3)


def test_planes_of_a_size_that_changes_keep_the_first(tmp_path: Path) -> None:
    first = encode(tmp_path / "1.h264", numbered(5), *PLAIN)
    second = encode(
        tmp_path / "2.h264", [draw(number, (160, 96)) for number in range(5, 9)], *PLAIN
    )
    (tmp_path / "both.h264").write_bytes(first.read_bytes() + second.read_bytes())
    with Reading(as_planes=True) as reading:
        video = open_video(tmp_path / "both.h264", reading=reading)
        pairs = list(reading.frames(video))
    assert [number_of(rgb) for _, rgb in pairs] == list(range(9))
    assert [number_of(rgb_of(planes)) for planes, _ in pairs] == list(range(9))


def test_a_job_decodes_twice(plain: Path, model: LoadedModel, decodings: list[str]) -> None:
    """Once to check the video, once to work on it; clicks elsewhere have to be found first."""
    assert len(list(segment(plain, "[40,40]", model=model))) == 40
    assert len(decodings) == 2
    decodings.clear()
    assert len(list(segment(plain, "[40,40]", click_frames="3", model=model))) == 40
    assert len(decodings) == 4  # and once for the clicked frame, once to go backward from it


def test_opening_alone_decodes_the_first_frame_again(plain: Path, decodings: list[str]) -> None:
    open_video(plain)
    assert len(decodings) == 2


def test_the_first_frame_is_given_again(plain: Path) -> None:
    with Reading() as reading:
        video = open_video(plain, reading=reading)
        first = reading.first()
        assert number_of(first) == 0
        with closing(reading.frames(video)) as frames:
            assert [number_of(rgb) for _, rgb in islice(frames, 3)] == [0, 1, 2]


def test_a_reading_that_nobody_began_begins_by_itself(plain: Path) -> None:
    video = open_video(plain)
    with Reading() as reading:
        assert [number_of(rgb) for _, rgb in reading.frames(video)] == list(range(40))


def test_leaving_it_ends_ffmpeg_wherever_it_is(plain: Path) -> None:
    idle = children()
    for wanted in (0, 1, 20):
        with Reading(as_planes=True) as reading:
            video = open_video(plain, reading=reading)
            assert len(list(islice(reading.frames(video), wanted))) == wanted
        assert children() == idle


def test_a_refused_video_leaves_no_reading(plain: Path, tmp_path: Path) -> None:
    idle = children()
    data = plain.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(InputError, match="input_video"), Reading() as reading:
        open_video(tmp_path / "cut.mp4", DEFAULT_LIMITS, reading)
    assert children() == idle


def test_more_frames_than_counted_are_an_error(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(plain.read_bytes())
    video = open_video(path)
    encode(path, numbered(41), *PLAIN)
    with Reading(as_planes=True) as reading, pytest.raises(InputError, match="more than 40 frames"):
        list(reading.frames(video))
    encode(path, numbered(39), *PLAIN)
    with Reading(as_planes=True) as reading, pytest.raises(InputError, match="at frame 39"):
        list(reading.frames(video))
