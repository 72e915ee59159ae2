"""Colours of decoded frames, held against the definitions of the standards."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2_video.video.decode import read_frames
from sam2_video.video.open_video import probe_video
from tests.clips import ffmpeg

PATCHES = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255] * 3, [0] * 3, [128] * 3, [200, 150, 120]], float
)
LUMA = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}


def patches(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Vertical stripes of the given colours, (height, width, 3)."""
    width, height = size
    return np.tile(values[np.arange(width) * len(values) // width], (height, 1, 1))


def to_ycbcr(rgb: np.ndarray, matrix: str, *, full: bool, bits: int) -> np.ndarray:
    """Integer YCbCr of RGB in 0..1, by the definition (ITU-R BT.601, BT.709, BT.2020)."""
    red, blue = LUMA[matrix]
    luma = rgb @ [red, 1 - red - blue, blue]
    cb = (rgb[..., 2] - luma) / (2 - 2 * blue)
    cr = (rgb[..., 0] - luma) / (2 - 2 * red)
    if full:
        top = 2**bits - 1
        planes = [luma * top, cb * top + 2 ** (bits - 1), cr * top + 2 ** (bits - 1)]
    else:
        unit = 2 ** (bits - 8)
        planes = [(16 + 219 * luma) * unit, (128 + 224 * cb) * unit, (128 + 224 * cr) * unit]
    dtype = np.uint8 if bits == 8 else "<u2"
    return np.stack([np.clip(plane.round(), 0, 2**bits - 1) for plane in planes], -1).astype(dtype)


def coded(path: Path, ycbcr: np.ndarray, pixel_format: str, tags: str) -> Path:
    """Store (height, width, 3) YCbCr losslessly, chroma halved where the format halves it."""
    step = 1 if "444" in pixel_format else 2
    height, width = ycbcr.shape[:2]
    planes = [ycbcr[..., 0], *(ycbcr[::step, ::step, k] for k in (1, 2))]
    raw = b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{width}x{height}", "-i", "-"),
        *(("-vf", f"setparams={tags}") if tags else ()),
        *("-c:v", "libvpx-vp9", "-lossless", "1", "-deadline", "realtime", "-cpu-used", "8"),
        *("-pix_fmt", pixel_format, path),
        stdin=raw,
    )
    return path


def colours_of(path: Path, count: int = len(PATCHES)) -> np.ndarray:
    """The colour at the middle of each stripe of the first frame, (count, 3)."""
    frame = next(read_frames(probe_video(path)))
    height, width = frame.shape[:2]
    return frame[height // 2, ((np.arange(count) + 0.5) * width / count).astype(int)].astype(int)


@pytest.mark.parametrize(
    ("matrix", "full", "pixel_format", "size", "tags"),
    [
        ("bt709", False, "yuv420p", (140, 32), "colorspace=bt709:range=tv"),
        ("bt709", True, "yuv444p", (140, 32), "colorspace=bt709:range=pc"),
        ("smpte170m", False, "yuv420p", (1400, 720), "colorspace=smpte170m:range=tv"),
        ("smpte170m", True, "yuv420p", (140, 32), "colorspace=bt470bg:range=pc"),
        ("bt709", False, "yuv420p", (141, 33), "colorspace=bt709:range=tv"),
        ("smpte170m", True, "yuv444p", (141, 33), "colorspace=smpte170m:range=pc"),
        ("bt2020nc", False, "yuv420p10le", (140, 32), "colorspace=bt2020nc:range=tv"),
        ("bt2020nc", False, "yuv444p10le", (141, 33), "colorspace=bt2020nc:range=tv"),
        ("smpte170m", False, "yuv420p", (140, 32), ""),
        ("smpte170m", False, "yuv420p", (141, 33), ""),
        ("bt709", False, "yuv444p", (1400, 720), ""),
        ("bt709", False, "yuv420p", (721, 1281), ""),
        ("bt709", False, "yuv420p10le", (1400, 720), ""),
    ],
)
def test_red_is_red(matrix, full, pixel_format, size, tags, tmp_path):
    bits = 10 if "10" in pixel_format else 8
    ycbcr = to_ycbcr(patches(PATCHES / 255, size), matrix, full=full, bits=bits)
    path = coded(tmp_path / "c.mkv", ycbcr, pixel_format, tags)
    assert np.abs(colours_of(path) - PATCHES).max() <= 2


@pytest.mark.parametrize("ending", [".png", ".webp", ".gif", ".bmp"])
def test_colours_of_stills(ending, tmp_path):
    path = tmp_path / f"s{ending}"
    Image.fromarray(patches(PATCHES, (140, 32)).astype(np.uint8)).save(path, lossless=True)
    assert np.abs(colours_of(path) - PATCHES).max() <= 1


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_colours_of_jpeg(mode, tmp_path):
    picture = Image.fromarray(patches(PATCHES, (140, 32)).astype(np.uint8)).convert(mode)
    picture.save(tmp_path / "s.jpg", quality=98, subsampling=0)
    expected = np.array(picture.convert("RGB"))[16, 10::20]
    assert np.abs(colours_of(tmp_path / "s.jpg") - expected).max() <= 4


def test_alpha_is_dropped_and_nothing_blended(tmp_path):
    frame = np.zeros((32, 140, 4), np.uint8)
    frame[..., :3] = patches(PATCHES, (140, 32))
    frame[:, ::2, 3] = 0
    frame[:, 1::2, 3] = 128
    Image.fromarray(frame).save(tmp_path / "a.png")
    assert np.array_equal(colours_of(tmp_path / "a.png"), PATCHES)


def test_sixteen_bits_become_eight(tmp_path):
    ramp = np.repeat(np.linspace(0, 65535, 14)[None], 8, 0).repeat(10, 1)
    Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / "deep.png")
    found = colours_of(tmp_path / "deep.png", 14)
    assert np.abs(found - np.linspace(0, 255, 14)[:, None]).max() <= 1.5


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, light in cd/m2 to signal."""
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 HLG of neutral light on a display of 1,000 cd/m2."""
    scene = (nits / 1000) ** (1 / 1.2)
    upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


def to_2020(linear: np.ndarray) -> np.ndarray:
    """Linear BT.709 light in BT.2020 primaries (ITU-R BT.2087)."""
    matrix = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    return linear @ np.array(matrix).T


@pytest.mark.parametrize("size", [(140, 32), (141, 33)])
def test_pq_looks_like_the_sdr_picture_it_shows(size, tmp_path):
    """A BT.709 picture shown at a white of 203 cd/m2 comes back, the brightest parts softened."""
    light = to_2020((PATCHES / 255) ** 2.4) * 203
    ycbcr = to_ycbcr(patches(pq(light), size), "bt2020nc", full=False, bits=10)
    tags = "color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    red, green, blue, white, black, grey, skin = colours_of(
        coded(tmp_path / "pq.mkv", ycbcr, "yuv420p10le", tags)
    )
    for colour, channel in ((red, 0), (green, 1), (blue, 2)):
        assert colour[channel] > 200
        assert np.delete(colour, channel).max() < 50
    assert white.min() > 200
    assert np.ptp(white) <= 2
    assert black.max() <= 2
    assert np.abs(grey - 128).max() <= 4
    assert np.abs(skin - PATCHES[6]).max() <= 16


@pytest.mark.parametrize(("curve", "name"), [(pq, "smpte2084"), (hlg, "arib-std-b67")])
def test_brighter_light_stays_brighter(curve, name, tmp_path):
    nits = np.array([0, 5, 20, 50, 100, 203, 400, 700, 1000.0])
    ycbcr = to_ycbcr(
        patches(np.repeat(curve(nits)[:, None], 3, 1), (180, 32)), "bt2020nc", full=False, bits=10
    )
    tags = f"color_trc={name}:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    found = colours_of(coded(tmp_path / "h.mkv", ycbcr, "yuv420p10le", tags), len(nits))
    assert np.ptp(found, axis=1).max() <= 3
    assert (np.diff(found[:, 0]) > 4).all()
    assert found[0, 0] <= 2
    assert found[-1, 0] >= 250
    assert np.abs(found[3, 0] - 255 * (50 / 203) ** (1 / 2.4)) <= 6
