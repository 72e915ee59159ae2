"""The image's recipe agrees with what the project is tested with, and a start is all or nothing."""

import re
import time
from dataclasses import fields
from pathlib import Path

import pytest
import torch
import yaml

from predict import Predictor
from sam2_video.core.limits import Limits
from sam2_video.models import registry as checkpoints
from sam2_video.models.registry import CheckpointError
from sam2_video.prediction import startup
from sam2_video.prediction.startup import StartupError
from sam2_video.service.settings import Bounds

ROOT = Path(__file__).resolve().parents[2]
RECIPE = yaml.safe_load((ROOT / "cog.yaml").read_text())
BUILD = RECIPE["build"]
PINS = dict(startup.pins())


def test_the_recipe_names_what_is_pinned() -> None:
    assert RECIPE["predict"] == "predict.py:Predictor"
    assert BUILD["sdk_version"] == PINS["cog"]
    assert f"sam2=={PINS['sam2']}" in BUILD["run"][-1]
    assert "--no-deps" in BUILD["run"][-1]
    assert "--no-build-isolation" in BUILD["run"][-1]
    makefile = (ROOT / "Makefile").read_text()
    if torch.version.cuda:  # a build for the CPU knows none
        assert BUILD["cuda"] == torch.version.cuda
    assert f"PYTHON ?= python{BUILD['python_version']}" in makefile


def test_the_container_serves_large() -> None:
    assert "SAM2_MODEL=large" in RECIPE["environment"]


def test_every_import_of_the_image_is_pinned_and_as_pinned() -> None:
    assert {"torch", "torchvision", "sam2", "cog", "numpy", "imageio-ffmpeg"} <= set(PINS)
    startup.check_versions()


def test_another_version_is_refused(tmp_path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy==0.0.1  # old\n# torch==1\n")
    with pytest.raises(StartupError, match=r"^numpy is \d.*, but this release runs with 0.0.1$"):
        startup.check_versions(tmp_path)
    (tmp_path / "requirements.txt").write_text("no-such-thing==1\n")
    with pytest.raises(StartupError, match=r"^no-such-thing is not installed, but "):
        startup.check_versions(tmp_path)


def test_the_image_holds_what_runs_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    assert {"predict.py", "sam2_video", "checkpoints", *startup.PINS} <= set(kept)
    assert all((ROOT / path).exists() for path in kept)


def test_a_named_model_is_never_replaced_by_another(tmp_path, monkeypatch) -> None:
    (tmp_path / "sam2_nano.pt").write_bytes((ROOT / "checkpoints/sam2_nano.pt").read_bytes())
    monkeypatch.setenv("SAM2_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("SAM2_MODEL", "large")
    monkeypatch.setenv("SAM2_WEIGHTS_URL", "http://127.0.0.1:9/none")
    predictor = Predictor()
    with pytest.raises(
        CheckpointError, match=r"^sam2.1_hiera_large.pt cannot be fetched: Connection refused$"
    ):
        predictor.setup()
    predictor.close()


@pytest.mark.parametrize("name", ["", "nano"])
def test_nothing_is_fetched_unasked(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SAM2_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("SAM2_MODEL", name)
    monkeypatch.setattr(startup, "download", lambda *_: pytest.fail("fetched"))
    startup.fetch_named_weights()


def test_a_named_model_that_is_missing_is_fetched_once(tmp_path, monkeypatch) -> None:
    checkpoint = checkpoints.find_checkpoint("tiny")
    fetched = []

    def download(what, folder, base_url) -> None:
        fetched.append((what.name, base_url))
        (folder / what.file).touch()

    monkeypatch.setenv("SAM2_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("SAM2_MODEL", "tiny")
    monkeypatch.setenv("SAM2_WEIGHTS_URL", "http://mirror/weights")
    monkeypatch.setattr(startup, "download", download)
    startup.fetch_named_weights()
    startup.fetch_named_weights()
    assert fetched == [("tiny", "http://mirror/weights")]
    assert (tmp_path / checkpoint.file).exists()


@pytest.mark.parametrize(
    ("age", "parked", "left"),
    [
        (0, False, True),  # perhaps of a request that is on its way
        (60, False, False),
        (60, True, True),  # somebody else's request, parked on disk
        (7200, True, False),  # its server was killed
    ],
)
def test_the_servers_own_folders_are_removed(age, parked, left, tmp_path) -> None:
    folder = tmp_path / "prediction"
    for name in ("inputs", "outputs"):
        (folder / name).mkdir(parents=True)
    if parked:
        (folder / "inputs" / "spill.json").write_text("{}")
    changed = folder.stat().st_mtime
    startup.remove_server_folders(tmp_path, clock=lambda: changed + age)
    assert folder.exists() == left


def test_no_folders_no_trouble(tmp_path) -> None:
    startup.remove_server_folders(tmp_path / "none")


def test_an_old_folder_goes_with_all_that_is_nested_in_it(tmp_path) -> None:
    nested = tmp_path / "prediction" / "inputs" / "a" / "b"
    nested.mkdir(parents=True)
    (nested / "spill.json").write_text("{}")
    startup.remove_server_folders(tmp_path, clock=lambda: time.time() + 7200)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("link", ["base", "base/predictions", "base/predictions/one"])
def test_the_clean_up_follows_no_link(link, tmp_path) -> None:
    precious = tmp_path / "precious"
    (precious / "predictions" / "one" / "inputs").mkdir(parents=True)
    (precious / "predictions" / "one" / "inputs" / "file").write_text("kept")
    placed = tmp_path / link
    placed.parent.mkdir(parents=True, exist_ok=True)
    placed.symlink_to(precious / Path(link).relative_to("base"))
    later = time.time() + 7200
    startup.remove_server_folders(tmp_path / "base" / "predictions", clock=lambda: later)
    assert (precious / "predictions" / "one" / "inputs" / "file").read_text() == "kept"


def test_another_users_folder_is_left_alone(tmp_path, monkeypatch) -> None:
    (tmp_path / "prediction" / "inputs").mkdir(parents=True)
    monkeypatch.setattr(startup.os, "getuid", lambda: -1)
    startup.remove_server_folders(tmp_path, clock=lambda: time.time() + 7200)
    assert (tmp_path / "prediction" / "inputs").exists()


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text()
    rows = dict(re.findall(r"^\| `(SAM2_\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    sources = "".join(path.read_text() for path in (ROOT / "sam2_video").rglob("*.py"))
    named = set(re.findall(r"environ(?:\.get\(|\[)\"(SAM2_\w+)\"", sources))
    limits = {
        f"SAM2_{field.name.upper()}": field.default
        for kind in (Limits, Bounds)
        for field in fields(kind)
    }
    assert set(rows) == named | set(limits)
    for name, default in limits.items():
        assert float(rows[name]) == default
