"""Untrusted lines become jobs, or say why not."""

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_video.batch import manifest as manifests
from sam2_video.batch.jobs import BadLine, Job
from sam2_video.batch.manifest import Manifest, open_manifest
from sam2_video.batch.pool import Size
from sam2_video.batch.worker import Checker
from sam2_video.core.errors import BatchError

CLIP = {"input_video": "clips/my cat.mp4", "click_coordinates": "[1,2]"}


def read(folder, *lines: bytes | str | dict) -> list[Job | BadLine]:
    path = folder / "jobs.jsonl"
    texts = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    path.write_bytes(b"\n".join(t if isinstance(t, bytes) else t.encode() for t in texts))
    with open_manifest(str(path), {}) as manifest:
        entries = list(manifest)
        assert len(manifest) == len(entries)
    return entries


def test_a_job_keeps_its_name_wherever_it_stands(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (first,) = read(tmp_path, CLIP)
    assert first.id.startswith("my-cat-")
    assert (first.inputs, first.folder) == (CLIP, str(tmp_path))
    moved = read(tmp_path, {"id": 7}, "", dict(reversed(CLIP.items())))[-1]
    assert (moved.id, moved.digest, moved.line) == (first.id, first.digest, 3)
    (changed,) = read(tmp_path, {**CLIP, "click_coordinates": "[1,3]"})
    assert changed.id != first.id


@pytest.mark.parametrize("url", ["https://h/clip.mp4", "s3://b/clip.mp4", "data:video/mp4,x"])
def test_a_url_is_left_alone(tmp_path, url) -> None:
    (job,) = read(tmp_path, {"input_video": url})
    assert job.inputs["input_video"] == url


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "{",
            "the line is not JSON: Expecting property name enclosed in double quotes at c",
        ),
        ("[1]", "the line should be a JSON object"),
        (b"\xff\xfe", "the line is not JSON: "),
        ("[" * 100_000, "the line is not JSON: "),
        ({"id": "../up"}, "id is '../up', but it names a folder: 1 to 128 of the characters"),
        ({"id": ""}, "id is '', but it names a folder"),
        ({"id": "x" * 129}, "id is '" + "x" * 57 + "...', but"),
        ({"id": True}, "id is 'True', but"),
        ({"id": "results.jsonl"}, "id is 'results.jsonl', but"),
    ],
)
def test_a_bad_line_fails_alone(tmp_path, line, error) -> None:
    before, bad, after = read(tmp_path, {"id": "a"}, line, {"id": "b"})
    assert (before.id, after.id) == ("a", "b")
    assert bad == BadLine(2, bad.error)
    assert bad.error.startswith(error)
    assert len(bad.error) < 250


def test_a_line_may_not_be_endless(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(manifests, "MAX_LINE_BYTES", 100)
    bad, good = read(tmp_path, {"id": "x" * 250}, {"id": "b"})
    assert bad == BadLine(1, "the line is longer than the 100 bytes allowed")
    assert (good.id, good.line) == ("b", 2)


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_every_line_is_a_job_or_a_sentence(lines) -> None:
    content = b"\n".join(lines)
    manifest = Manifest(BytesIO(content), {})
    entries = list(manifest)
    assert len(entries) == len(manifest)
    assert [e.line for e in entries] == [
        number for number, line in enumerate(content.split(b"\n"), 1) if line.strip()
    ]


def test_a_manifest_of_another_kind(tmp_path) -> None:
    (tmp_path / "jobs.txt").touch()
    with pytest.raises(BatchError, match=r"should be a \.jsonl, \.csv or \.parquet file"):
        open_manifest(str(tmp_path / "jobs.txt"), {}).__enter__()


NODES = [
    {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
    {"Alive": True, "Resources": {"CPU": 5.0}},
    {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    {"Alive": True, "Resources": {}},
]


@pytest.mark.parametrize(
    ("size", "count"),
    [
        (Size(cores=2, gpus=1), 2),
        (Size(cores=2, gpus=1 / 2), 4),
        (Size(cores=1, gpus=1 / 3), 6),
        (Size(cores=5, gpus=1), 1),
        (Size(cores=2), 6),
        (Size(cores=16), 0),
    ],
)
def test_as_many_workers_as_there_is_room_for(size, count) -> None:
    assert size.fits(NODES) == count


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"video_fps": "9" * 22}, "video_fps is 9999999999999999999999, but it should be a whole"),
        ({"fps": 3}, "'fps' is not an input; the closest one is video_fps"),
        ({"input_video": "ftp://h/a.mp4"}, "input_video is 'ftp://h/a.mp4', but it should be a"),
        ({"input_video": 3}, "input_video is 3, but it should be a file"),
        ({"input_video": "/nowhere.mp4"}, "input_video is '/nowhere.mp4', but there is no such"),
        ({"input_video": "nowhere.mp4"}, "input_video is 'nowhere.mp4', but there is no such"),
        ({"input_video": "clips"}, "input_video is 'clips', but it is not a file"),
        ({"input_video": "x" * 300}, "input_video is 'xxxxxxxx"),
        ({"input_video": "~nobody-of-that-name/x"}, "input_video is '~nobody-of-that-name/x', but"),
        ({"input_video": None}, "input_video is required"),
        ({"input_video": "S3://h"}, "input_video is 's3://h', which cannot be fetched"),
        ({"video_fps": "x"}, "video_fps is 'x', but it should be a whole number from 1 to 60"),
        ({"click_labels": 1}, "click_labels is 1, but it should be a string"),
    ],
)
def test_a_job_is_checked_as_a_prediction_is(inputs, error, tmp_path) -> None:
    (tmp_path / "clips").mkdir()
    checker = Checker()
    job = Job(
        "a",
        1,
        {"click_coordinates": "[1,1]", "input_video": "/x", **inputs},
        str(tmp_path),
        "digest",
    )
    result = checker.run(job)
    checker.close()
    assert (result.status, result.outputs) == ("failed", [])
    assert result.error.startswith(error)


def test_of_a_folder_every_video_is_a_job_with_the_inputs_that_are_given(tmp_path) -> None:
    for name in ("b.mp4", "a.mov", "notes.txt"):
        (tmp_path / name).touch()
    inputs = {"click_coordinates": "[1,2]", "mask_type": "alpha"}
    for path in (str(tmp_path), f"{tmp_path}/*.m*"):
        with open_manifest(path, inputs) as manifest:
            jobs = list(manifest)
        assert [job.inputs for job in jobs] == [
            {**inputs, "input_video": f"{tmp_path}/{name}"} for name in ("a.mov", "b.mp4")
        ]


def test_a_job_keeps_its_own_inputs(tmp_path) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_text('{"input_video": "a.mp4", "mask_type": "binary"}\n')
    with open_manifest(str(path), {"mask_type": "alpha", "click_coordinates": "[1,2]"}) as manifest:
        (job,) = manifest
    assert job.inputs == {
        "input_video": "a.mp4",
        "mask_type": "binary",
        "click_coordinates": "[1,2]",
    }
