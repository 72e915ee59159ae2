"""What the inputs after the twelve do, through `Predictor.predict`, the files read back."""

import json
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from sam2_video import segment
from sam2_video.core.errors import InputError
from sam2_video.core.limits import Limits
from sam2_video.prediction.contract import contract
from sam2_video.prediction.request import Request, checked_rendering
from sam2_video.video.draw_rgb import colour_of
from tests.conftest import FFMPEG
from tests.prediction.test_predict import clicks_of, eroded, run


@pytest.fixture(scope="module")
def two(example, short_clip) -> dict:
    """The inputs of a run on the short clip with two objects."""
    return {"input_video": short_clip, **clicks_of(example)}


@pytest.fixture(scope="module")
def found(two, predictor) -> list:
    """What the library call finds."""
    return list(segment(**two, model=predictor.model))


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def rgba_frames(path: Path, size: tuple[int, int]) -> np.ndarray:
    """(N, H, W, 4) uint8: the pictures of a video, opacity included."""
    decoder = ["-c:v", "libvpx-vp9"] if path.suffix == ".webm" else []
    command = [FFMPEG, "-v", "error", *decoder, "-i", str(path), "-f", "rawvideo"]
    command += ["-fps_mode", "passthrough", "-pix_fmt", "rgba", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, size[1], size[0], 4)


def test_indexed_pictures_are_palettes_of_the_highlight_colours(predictor, two, found) -> None:
    paths = run(predictor, mask_type="indexed", output_format="webp", **two)
    assert [path.name for path in paths] == [f"frame_{k:05d}.png" for k in range(6)]
    for frame, path in zip(found, paths, strict=True):
        image = Image.open(path)
        assert image.mode == "P"
        assert tuple(image.getpalette()[3:9]) == (*colour_of(0), *colour_of(1))
        first, second = frame.masks
        np.testing.assert_array_equal(read(path), np.where(second, 2, first.astype(int)))


@pytest.mark.parametrize("output_format", ["png", "webp"])
def test_alpha_pictures_hold_the_source_where_objects_are(
    output_format, predictor, two, found
) -> None:
    paths = run(predictor, mask_type="alpha", output_format=output_format, **two)
    masks = np.stack([frame.masks.any(axis=0) for frame in found])
    inside, outside = eroded(masks, 2), eroded(~masks, 2)
    pictures = np.stack([read(path) for path in paths])
    assert pictures.shape[-1] == 4
    assert (pictures[inside][:, 3] == 255).all()
    assert (pictures[outside][:, 3] == 0).all()
    edge = pictures[~inside & ~outside][:, 3]
    assert ((edge > 0) & (edge < 255)).any()
    source = np.stack([frame.picture for frame in found]).astype(int)
    error = np.abs(pictures[..., :3].astype(int) - source)[eroded(masks, 0)]
    assert error.mean() <= (0 if output_format == "png" else 4)


@pytest.mark.parametrize("video_format", ["webm", "mov"])
def test_alpha_videos_hold_transparency(video_format, predictor, two, found) -> None:
    (path,) = run(predictor, mask_type="alpha", output_video=True, video_format=video_format, **two)
    assert path.name == f"output_video.{video_format}"
    pictures = rgba_frames(path, (640, 360))
    masks = np.stack([frame.masks.any(axis=0) for frame in found])
    inside, outside = eroded(masks, 4), eroded(~masks, 4)
    assert len(pictures) == len(found)
    assert pictures[inside][:, 3].mean() > 254
    assert pictures[outside][:, 3].mean() < 1
    source = np.stack([frame.picture for frame in found]).astype(int)
    assert np.abs(pictures[..., :3].astype(int) - source)[inside].mean() < 4


@pytest.mark.parametrize("mask_type", ["binary", "highlighted", "greenscreen"])
@pytest.mark.parametrize("video_format", ["webm", "mov"])
def test_other_videos_come_in_every_format(mask_type, video_format, predictor, two) -> None:
    (path,) = run(
        predictor, mask_type=mask_type, output_video=True, video_format=video_format, **two
    )
    assert rgba_frames(path, (640, 360)).shape == (6, 360, 640, 4)


def test_each_object_has_files_of_its_own(predictor, two, found) -> None:
    paths = run(predictor, separate_objects=True, output_format="png", **two)
    names = [name.strip() for name in two["click_object_ids"].split(",")]
    assert [path.name for path in paths] == [
        f"{2 * frame + k:06d}_{names[k]}_frame_{frame:05d}.png"
        for frame in range(6)
        for k in range(2)
    ]
    for position, path in enumerate(paths):
        frame, k = divmod(position, 2)
        np.testing.assert_array_equal(read(path) == 255, found[frame].masks[k])


def test_each_object_keeps_its_colour_and_has_a_video(predictor, two, found) -> None:
    paths = run(predictor, separate_objects=True, mask_type="highlighted", output_video=True, **two)
    names = [name.strip() for name in two["click_object_ids"].split(",")]
    assert [path.name for path in paths] == [
        f"{k:06d}_output_video_{name}.mp4" for k, name in enumerate(names)
    ]
    source = np.stack([frame.picture for frame in found]).astype(int)
    for k, path in enumerate(paths):
        inside = eroded(np.stack([frame.masks[k] for frame in found]), 6)
        pictures = rgba_frames(path, (640, 360))[..., :3].astype(int)
        expected = (source[inside] + colour_of(k)) / 2
        assert np.abs(pictures[inside] - expected).mean() < 4


def test_masks_json_holds_every_mask(predictor, two, found) -> None:
    *_, path = run(predictor, output_masks=True, **two)
    assert path.name == "masks.json"
    coco = COCO(path)
    for frame in found:
        annotations = {a["track_id"]: a for a in coco.loadAnns(coco.getAnnIds(frame.index))}
        for k, mask in enumerate(frame.masks):
            assert (k + 1 in annotations) == mask.any()
            if mask.any():
                np.testing.assert_array_equal(coco.annToMask(annotations[k + 1]), mask)
                assert annotations[k + 1]["score"] == pytest.approx(frame.scores[k], abs=1e-4)


def test_a_range_is_the_cut_video_with_the_numbers_of_the_whole(
    predictor, example, short_clip
) -> None:
    clicks = {**clicks_of(example), "click_frames": "2"}
    inputs = {"input_video": short_clip, **clicks, "output_format": "png"}
    paths = run(predictor, start_frame=1, end_frame=4, output_frame_interval=2, **inputs)
    assert [path.name for path in paths] == ["frame_00001.png", "frame_00003.png"]
    ranged = [read(path) for path in paths]
    cut = short_clip.with_name("cut.mp4")
    command = [FFMPEG, "-v", "error", "-y", "-i", short_clip]
    command += ["-vf", "trim=start_frame=1:end_frame=5"]
    command += ["-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", cut]
    subprocess.run(command, check=True)
    inputs |= {"input_video": cut, "click_frames": "1"}
    whole = run(predictor, output_frame_interval=2, **inputs)
    for one, other in zip(ranged, whole, strict=True):
        np.testing.assert_array_equal(one, read(other))


def test_masks_grow_and_shrink_on_every_output(predictor, two, found) -> None:
    grown = run(predictor, mask_expand=5, output_format="png", output_masks=True, **two)
    *paths, masks_file = grown
    coco = COCO(masks_file)
    for frame, path in zip(found, paths, strict=True):
        union = read(path) == 255
        assert union[frame.masks.any(axis=0)].all()
        assert union.sum() > frame.masks.any(axis=0).sum()
        masks = [coco.annToMask(a) for a in coco.loadAnns(coco.getAnnIds(frame.index))]
        np.testing.assert_array_equal(np.any(masks, axis=0), union)


def test_feather_softens_and_leaves_what_is_away_from_edges(predictor, two, found) -> None:
    masks = np.stack([frame.masks.any(axis=0) for frame in found])
    paths = run(predictor, mask_type="alpha", mask_feather=12, output_format="png", **two)
    opacity = np.stack([read(path)[..., 3] for path in paths])
    assert (opacity[eroded(masks, 8)] == 255).all()
    assert (opacity[eroded(~masks, 8)] == 0).all()
    assert len(np.unique(opacity)) > 20


def test_any_background(predictor, two, found) -> None:
    paths = run(
        predictor,
        mask_type="greenscreen",
        background_color="#1020F0",
        output_format="png",
        **two,
    )
    masks = np.stack([frame.masks.any(axis=0) for frame in found])
    pictures = np.stack([read(path) for path in paths])
    assert (pictures[~masks] == (16, 32, 240)).all()


def box_of(mask: np.ndarray) -> str:
    rows, columns = np.nonzero(mask)
    return f"[{columns.min()},{rows.min()},{columns.max() + 1},{rows.max() + 1}]"


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def test_a_box_finds_what_a_click_finds(predictor, short_clip, example) -> None:
    truth = np.load(example / "clip_masks.npz")["masks"]
    paths = run(
        predictor,
        input_video=short_clip,
        click_coordinates="",
        box_coordinates=box_of(truth[0, 0]),
        output_format="png",
    )
    assert np.mean([iou(read(p) == 255, truth[k, 0]) for k, p in enumerate(paths)]) > 0.6


def indexed_png(*masks: np.ndarray) -> bytes:
    values = np.zeros(masks[0].shape, np.uint8)
    for k, mask in enumerate(masks, start=1):
        values[mask] = k
    data = BytesIO()
    Image.fromarray(values).convert("P").save(data, "PNG")
    return data.getvalue()


def test_masks_start_a_track_and_a_click_on_another_frame_too(
    predictor, short_clip, example, tmp_path
) -> None:
    truth = np.load(example / "clip_masks.npz")["masks"]
    with zipfile.ZipFile(tmp_path / "masks.zip", "w") as archive:
        archive.writestr("frame_00002.png", indexed_png(truth[2, 0], truth[2, 1]))
    paths = run(
        predictor,
        input_video=short_clip,
        click_coordinates="",
        input_masks=tmp_path / "masks.zip",
        mask_type="indexed",
    )
    values = [read(path) for path in paths]
    for frame in range(6):
        assert iou(values[frame] == 1, truth[frame, 0]) > 0.6
        assert iou(values[frame] == 2, truth[frame, 1]) > 0.6


def test_the_library_takes_arrays(predictor, short_clip, example) -> None:
    truth = np.load(example / "clip_masks.npz")["masks"]
    clicks = clicks_of(example)
    points = np.array(json.loads(f"[{clicks['click_coordinates']}]"))
    text = segment(short_clip, **clicks, model=predictor.model)
    arrays = segment(short_clip, points, click_object_ids=["a", "b"], model=predictor.model)
    for one, other in zip(text, arrays, strict=True):
        assert other.names == ("a", "b")
        np.testing.assert_array_equal(one.masks, other.masks)
    values = np.where(truth[0, 1], 2, truth[0, 0].astype(np.uint8))
    given = list(
        segment(
            short_clip,
            input_masks={0: values},
            click_object_ids=["a", "b"],
            end_frame=1,
            model=predictor.model,
        )
    )
    assert [frame.index for frame in given] == [0, 1]
    assert given[0].names == ("a", "b")
    assert iou(given[1].masks[0], truth[1, 0]) > 0.6


def rendered(folder: Path, masks: Path, **inputs) -> list[Path]:
    request = Request(**contract().complete({"click_coordinates": "", **inputs}))
    with checked_rendering(request, masks, folder, Limits()) as checked:
        return list(checked.run(folder / "out", folder, lambda: None))


TWO_VALUED = [
    {"mask_type": "binary", "output_format": "png"},
    {"mask_type": "binary", "output_format": "webp", "mask_expand": 3},
    {"mask_type": "binary", "output_video": True},
    {"mask_type": "highlighted", "annotation_type": "both", "output_format": "jpg"},
    {"mask_type": "greenscreen", "output_video": True},
    {"mask_type": "indexed", "start_frame": 2, "end_frame": 4},
]


@pytest.mark.parametrize("form", TWO_VALUED, ids=lambda form: "-".join(map(str, form.values())))
def test_rendering_masks_again_gives_the_same_bytes(form, predictor, two, tmp_path) -> None:
    """From `masks.json`, in which overlaps are kept."""
    *_, path = run(predictor, output_masks=True, **two)
    masks = tmp_path / "masks.json"
    masks.write_bytes(path.read_bytes())
    again = rendered(tmp_path, masks, input_video=two["input_video"], **form)
    if "start_frame" in form:
        assert [p.name for p in again] == ["frame_00002.png", "frame_00003.png", "frame_00004.png"]
        return
    predicted = run(predictor, **two, **form)
    assert [p.name for p in again] == [p.name for p in predicted]
    for one, other in zip(again, predicted, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_rendering_indexed_pictures_again(predictor, two, found, tmp_path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    for path in run(predictor, mask_type="indexed", **two):
        (folder / path.name).write_bytes(path.read_bytes())
    again = rendered(
        tmp_path,
        folder,
        input_video=two["input_video"],
        mask_type="alpha",
        output_video=True,
        video_format="mov",
    )
    pictures = rgba_frames(again[0], (640, 360))
    masks = np.stack([frame.masks.any(axis=0) for frame in found])
    assert pictures[eroded(masks, 4)][:, 3].min() > 250
    assert pictures[eroded(~masks, 4)][:, 3].max() < 5


@pytest.mark.parametrize(
    "form", [{"output_format": "png"}, {"mask_type": "highlighted", "output_video": True}], ids=str
)
def test_the_inputs_after_the_twelve_change_nothing_at_their_defaults(form, predictor, two) -> None:
    inputs = list(contract().inputs.values())
    ours = {spec.name: spec.default for spec in inputs[12:]}
    before = [path.read_bytes() for path in run(predictor, **two, **form)]
    assert before == [path.read_bytes() for path in run(predictor, **two, **form, **ours)]


WRONG = {
    "alpha in jpg": (
        {"mask_type": "alpha", "output_format": "jpg"},
        "output_format is 'jpg', which holds no transparency",
    ),
    "alpha in mp4": (
        {"mask_type": "alpha", "output_video": True},
        "video_format is 'mp4', which holds no transparency",
    ),
    "indexed video": (
        {"mask_type": "indexed", "output_video": True},
        "output_video is true, but mask_type 'indexed' is written as PNGs only",
    ),
    "box outside": (
        {"box_coordinates": "[10,10,700,20]"},
        "box_coordinates[0] is [10,10,700,20], but the video has 640x360 pixels",
    ),
    "box inside out": (
        {"box_coordinates": "[30,10,20,20]"},
        "box_coordinates[0] is [30,10,20,20], but x1 should be less than x2",
    ),
    "end before start": (
        {"start_frame": 4, "end_frame": 2},
        "end_frame is 2, but start_frame is 4",
    ),
    "end beyond": ({"end_frame": 6}, "end_frame is 6, but the video has 6 frames (0-5)"),
    "click outside of the range": (
        {"start_frame": 1},
        "click_frames[0] is 0, but start_frame and end_frame choose frames 1-5",
    ),
    "no colour": (
        {"background_color": "green"},
        "background_color is 'green', but it should be '#' and six hexadecimal digits",
    ),
    "too much": ({"mask_expand": 101}, "mask_expand is 101, but it should be a whole number from"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_go_together_is_one_sentence(name, predictor, short_clip) -> None:
    given, sentence = WRONG[name]
    with pytest.raises(InputError) as error:
        run(predictor, **{"input_video": short_clip, "click_coordinates": "[5,5]", **given})
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_masks_of_another_size_are_refused(predictor, short_clip, tmp_path) -> None:
    (tmp_path / "mask.png").write_bytes(indexed_png(np.ones((4, 6), bool)))
    inputs = {"input_video": short_clip, "click_coordinates": ""}
    with pytest.raises(InputError, match=r"^input_masks has masks of 6x4 pixels, but input_video"):
        run(predictor, input_masks=tmp_path / "mask.png", **inputs)


def test_sound_and_frame_times_are_kept(predictor, example) -> None:
    paths = run(
        predictor,
        input_video=example / "clip.mp4",
        **clicks_of(example),
        output_video=True,
        keep_audio=True,
        end_frame=9,
    )
    probe = subprocess.run([FFMPEG, "-i", paths[0]], check=False, capture_output=True, text=True)
    assert "Audio: aac" in probe.stderr
    assert [path.name for path in paths[0].parent.iterdir()] == ["output_video.mp4"]
