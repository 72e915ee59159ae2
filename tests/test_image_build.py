"""`make image`: which program builds, and with what options."""

import argparse
from pathlib import Path

import pytest

from scripts.image import engines
from scripts.image.build import add_options, build_image
from scripts.image.check import instruction
from scripts.image.engines import EngineError, find_engine


class Recorder(engines.DockerLike):
    """docker, but for the build, whose options are kept."""

    def __init__(self) -> None:
        super().__init__("docker")
        self.options: list[str] = []

    def build(self, tag, context, options) -> None:
        self.options = ["--tag", tag, *options]


def built(*arguments: str) -> list[str]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    options, engine = parser.parse_args(arguments), Recorder()
    build_image(engine, options, options.base)
    return engine.options


def test_without_options_the_dockerfile_decides() -> None:
    assert built() == ["--tag", "sam2-video"]


def test_a_base_and_a_folder_of_wheels(tmp_path) -> None:
    base = ["--build-arg", "BASE=debian"]
    wheels = ["--build-arg", "PIP_NO_INDEX=1", "--build-context", f"wheels={tmp_path}"]
    options = built("--base=debian", f"--wheels={tmp_path}", "--tag=mine")
    assert options == ["--tag", "mine", *base, *wheels]


def test_further_options_reach_the_engine() -> None:
    more = ["--build-arg", "TORCH=torch==2.14.1"]
    assert built("--", *more) == ["--tag", "sam2-video", *more]


def test_a_missing_folder_of_wheels_is_named(tmp_path) -> None:
    message = r"^WHEELS is '.*/none', but it should be a folder$"
    with pytest.raises(EngineError, match=message):
        built(f"--wheels={tmp_path / 'none'}")


def programs(folder: Path, monkeypatch, **exit_codes: int) -> None:
    """Only these programs are on the path; each ends with its exit code."""
    for name, code in exit_codes.items():
        (folder / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_a_program_that_does_not_work_is_passed_over(tmp_path, monkeypatch) -> None:
    programs(tmp_path, monkeypatch, docker=1, podman=0, buildah=0)
    assert find_engine().name == "podman"
    assert find_engine("buildah").name == "buildah"


def test_no_program_to_build_with(tmp_path, monkeypatch) -> None:
    programs(tmp_path, monkeypatch, docker=1)
    with pytest.raises(EngineError, match=r"^docker, podman or buildah is needed, and does not"):
        find_engine()
    with pytest.raises(EngineError, match=r"^ENGINE is 'lorry', but it should be one of docker, "):
        find_engine("lorry")


@pytest.mark.parametrize(
    ("made_by", "shown"),
    [
        ("/bin/sh -c #(nop) COPY dir:12 in sam2_video", "COPY dir:12 in sam2_video"),
        ("|1 PIP_NO_INDEX=1 /bin/sh -c pip install x", "pip install x"),
        ("RUN |1 A= /bin/sh -c pip install x # buildkit", "pip install x # buildkit"),
        ("/bin/sh -c --mount=type=bind,source=locks,target=/locks pip install x", "pip install x"),
        ("COPY sam2_video sam2_video # buildkit", "COPY sam2_video sam2_video # buildkit"),
    ],
)
def test_an_instruction_is_shown_without_the_engines_words(made_by, shown) -> None:
    assert instruction(made_by) == shown
