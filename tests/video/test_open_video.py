"""What a probe finds and refuses, and the stream that starts meanwhile."""

import subprocess
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from bench.processes import children
from sam2_video.core.errors import InputError
from sam2_video.core.limits import DEFAULT_LIMITS, Limits
from sam2_video.engine.model import LoadedModel, load_model
from sam2_video.prediction.segment import segment
from sam2_video.video import ffmpeg as ffmpeg_module
from sam2_video.video.colour_space import is_plain
from sam2_video.video.decode import read_frames
from sam2_video.video.open_video import open_video, probe_video
from sam2_video.video.pictures import PlanesFrame, RgbFrame
from sam2_video.video.probe import Video
from sam2_video.video.streams import PlanesStream, RgbStream, planes_if_plain
from tests.clips import FFMPEG, H264, draw, encode, number_of, numbered

PLAIN = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", *H264)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 numbered pictures in 8 bits, 4:2:0, BT.709, limited range."""
    return encode(tmp_path_factory.mktemp("plain") / "plain.mp4", numbered(40), *PLAIN)


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model("nano")


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command of every decoding that is started."""
    started = []
    start_child = ffmpeg_module.start_child

    def counted(command: list[str], **options):
        started.append(command)
        return start_child(command, **options)

    monkeypatch.setattr(ffmpeg_module, "start_child", counted)
    return started


def rgb_of(planes: np.ndarray) -> np.ndarray:
    """What ffmpeg makes of the planes of one picture."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    command = [FFMPEG, "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p"]
    command += ["-s", f"{width}x{height}", "-i", "-", "-pix_fmt", "rgb24", "-f", "rawvideo"]
    command += ["-vf", "scale=in_color_matrix=bt709:in_range=tv:flags=bilinear+accurate_rnd", "-"]
    done = subprocess.run(command, input=planes.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width, 3)


def test_planes_are_those_of_the_rgb_beside_them(plain: Path) -> None:
    with open_video(plain, DEFAULT_LIMITS, planes_if_plain) as (video, stream):
        assert isinstance(stream, PlanesStream)
        decoded = list(stream.frames(video.num_frames))
    assert [number_of(one.rgb) for one in decoded] == list(range(40))
    for one, frame in zip(decoded, read_frames(video), strict=True):
        assert one.frame.planes.shape == (video.height * 3 // 2, video.width)
        assert (one.rgb == frame).all()
        assert np.abs(rgb_of(one.frame.planes).astype(int) - one.rgb).mean() <= 2


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
    with open_video(path, DEFAULT_LIMITS, planes_if_plain) as (video, stream):
        assert not is_plain(video.format)
        for one in stream.frames(video.num_frames):
            assert isinstance(one.frame, RgbFrame)
            assert one.frame.rgb is one.rgb
            assert one.rgb.shape == (video.height, video.width, 3)


def test_planes_of_a_size_that_changes_keep_the_first(tmp_path: Path) -> None:
    first = encode(tmp_path / "1.h264", numbered(5), *PLAIN)
    second = encode(
        tmp_path / "2.h264", [draw(number, (160, 96)) for number in range(5, 9)], *PLAIN
    )
    (tmp_path / "both.h264").write_bytes(first.read_bytes() + second.read_bytes())
    both = tmp_path / "both.h264"
    with open_video(both, DEFAULT_LIMITS, planes_if_plain) as (video, stream):
        decoded = list(stream.frames(video.num_frames))
    assert [number_of(one.rgb) for one in decoded] == list(range(9))
    assert all(isinstance(one.frame, PlanesFrame) for one in decoded)
    assert [number_of(rgb_of(one.frame.planes)) for one in decoded] == list(range(9))


def test_a_job_decodes_twice(plain: Path, model: LoadedModel, decodings: list[str]) -> None:
    """Once to check the video, once to work on it; clicks elsewhere have to be found first."""
    assert len(list(segment(plain, "[40,40]", model=model))) == 40
    assert len(decodings) == 2
    decodings.clear()
    assert len(list(segment(plain, "[40,40]", click_frames="3", model=model))) == 40
    assert len(decodings) == 4  # and once for the clicked frame, once to go backward from it


def test_a_probe_decodes_the_first_frame_again(plain: Path, decodings: list[list[str]]) -> None:
    probe_video(plain)
    scan, first = decodings
    assert "framecrc" in scan
    assert first[first.index("-frames:v") + 1] == "1"


def test_the_first_frame_is_given_again(plain: Path) -> None:
    with open_video(plain, DEFAULT_LIMITS, RgbStream) as (video, stream):
        assert number_of(stream.first().rgb) == 0
        with closing(stream.frames(video.num_frames)) as frames:
            assert [number_of(one.rgb) for one in islice(frames, 3)] == [0, 1, 2]


def test_leaving_the_block_ends_ffmpeg_wherever_it_is(plain: Path) -> None:
    idle = children()
    for wanted in (0, 1, 20):
        with open_video(plain, DEFAULT_LIMITS, planes_if_plain) as (video, stream):
            assert len(list(islice(stream.frames(video.num_frames), wanted))) == wanted
        assert children() == idle


def test_a_refused_video_leaves_no_ffmpeg(plain: Path, tmp_path: Path) -> None:
    idle = children()
    data = plain.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 3 // 4])
    with (
        pytest.raises(InputError, match="input_video"),
        open_video(tmp_path / "cut.mp4", DEFAULT_LIMITS, RgbStream),
    ):
        raise AssertionError("it was opened")
    assert children() == idle


@pytest.mark.parametrize("start", [RgbStream, planes_if_plain])
def test_another_number_of_frames_than_the_probe_found_is_an_error(plain: Path, start) -> None:
    for expected, sentence in ((39, "more than 39 frames"), (41, "at frame 40")):
        with (
            open_video(plain, DEFAULT_LIMITS, start) as (_, stream),
            pytest.raises(InputError, match=sentence),
        ):
            list(stream.frames(expected))


def test_the_frame_rate_is_the_average_of_the_time_stamps(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.mp4", numbered(10), *H264, rate=25)
    assert probe_video(path).frame_rate == pytest.approx(25)
    still = encode(tmp_path / "still.png", numbered(1))
    assert probe_video(still).frame_rate is None


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Video:
    folder = tmp_path_factory.mktemp("clip")
    frames = [draw(number % 256) for number in range(120)]
    return probe_video(encode(folder / "long.mp4", frames, *H264, "-g", "10", "-bf", "2"))


@pytest.mark.parametrize(
    ("limits", "sentence", "setting"),
    [
        (
            Limits(max_video_bytes=100),
            r"input_video has \d+ bytes, more than the 100 allowed",
            "VIDEO_BYTES",
        ),
        (
            Limits(max_frame_pixels=96 * 71),
            "input_video has 96x72 pixels a frame, more than the 6816 allowed",
            "FRAME_PIXELS",
        ),
        (Limits(max_frames=119), "input_video has more than the 119 frames allowed", "FRAMES"),
        (
            Limits(max_decode_seconds=0.001),
            "input_video takes longer to decode than the 0.001 seconds allowed",
            "DECODE_SECONDS",
        ),
    ],
)
def test_limits(clip, limits, sentence, setting):
    with pytest.raises(InputError, match=rf"^{sentence} \(SAM2_MAX_{setting}\)$"):
        probe_video(clip.path, limits)


def test_limits_that_just_hold(clip):
    size = clip.path.stat().st_size
    limits = Limits(max_video_bytes=size, max_frame_pixels=96 * 72, max_frames=120)
    assert probe_video(clip.path, limits).num_frames == 120
