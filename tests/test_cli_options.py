"""Options, the folders of results, and what names several clips; each as the real command."""

import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from ctypes import CDLL, c_uint32
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import sam2_video
from sam2_video.cli import main, runs
from sam2_video.cli.inputs import common_inputs, complete_inputs, read_inputs
from sam2_video.cli.parser import read_arguments
from sam2_video.cli.results import RECORD
from sam2_video.core.errors import InputError
from sam2_video.prediction.clips import stem_of
from sam2_video.prediction.contract import contract
from tests import clips
from tests.conftest import ROOT

CLICK = ("--click", "30,30")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working folder, with a clip of five frames."""
    monkeypatch.chdir(tmp_path)
    clips.encode(tmp_path / "clip.mp4", clips.numbered(5), *clips.H264)
    return tmp_path


def run(capsys, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, lines on stdout, and stderr of a command that is run in this process."""
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def inputs_of(*arguments: str) -> dict:
    return read_inputs(read_arguments(["predict", *arguments]))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its path in the folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


# Options


def test_prompts_in_their_short_form() -> None:
    given = inputs_of(
        *("clip.mp4", "--click", "320,180@48:dog", "--not-click", " 1.5, 2 ", "--click", "3,4:a,b"),
        *("--box", "1,2,3,4@7", "--box", "5,6,7,8:ball"),
    )
    assert given == {
        "click_coordinates": "[320,180],[1.5,2],[3,4]",
        "click_labels": "1,0,1",
        "click_frames": "48,0,0",
        "click_object_ids": '["dog", "", "a,b"]',
        "box_coordinates": "[1,2,3,4],[5,6,7,8]",
        "box_frames": "7,0",
        "box_object_ids": '["", "ball"]',
    }
    assert "click_object_ids" not in inputs_of("clip.mp4", "--click", "1,2", "--not-click", "3,4")


@given(st.text())
def test_any_prompt_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        given = inputs_of(f"--click={text}")
    except InputError as error:
        assert str(error).startswith("--click is ")
        assert "\n" not in str(error)
    else:
        assert set(given) <= set(contract().inputs)


@pytest.mark.parametrize("text", ["320", "1,2,3", "1,2@", "1,2@x:dog", "", "1,2@-1", ":dog"])
def test_a_prompt_of_the_wrong_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^--click is .*, but it should be X,Y, X,Y@FRAME or X,Y"):
        inputs_of(f"--click={text}")


@pytest.mark.parametrize("command", ["predict", "batch"])
@pytest.mark.parametrize(
    "text", ["--click -1,3", "--click -.5,3@2:dog", "--not-click -1,-3", "--box -1,-2,3,4"]
)
def test_a_prompt_may_start_with_a_minus(text: str, command: str) -> None:
    option, value = text.split()
    apart = read_arguments([command, option, value, "clip.mp4"])
    joined = read_arguments([command, f"{option}={value}", "clip.mp4"])
    assert apart.prompts == joined.prompts == [(option, value)]


def test_every_input_has_an_option_with_its_description(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name, spec in contract().inputs.items():
        if name != "input_video":
            assert f"--{name.replace('_', '-')}" in text
            # argparse breaks lines at hyphens
            assert spec.description.replace(" ", "") in text.replace(" ", "")
        for choice in spec.choices:
            assert choice in text
        if spec.default not in (None, "", False):
            assert f"(default: {str(spec.default).lower()})" in text


def test_an_option_is_the_same_as_an_assignment() -> None:
    short = ["--mask-type", "alpha", "--output-video", "--video-format", "mov", "--mask-feather=4"]
    named = ["mask_type=alpha", "output_video=true", "video_format=mov", "mask_feather=4"]
    start = ["--click", "1,2"]
    clip = {"input_video": Path(__file__)}
    assert complete_inputs({**inputs_of(*start, *short), **clip}) == complete_inputs(
        {**inputs_of(*start, *(part for text in named for part in ("-i", text))), **clip}
    )
    assert inputs_of("--no-output-video") == {"output_video": False}
    assert inputs_of("--fps", "12") == {"video_fps": "12"}
    assert inputs_of("--fps", "source") == {"keep_audio": True}
    assert inputs_of("--input-masks", "a.png") == {"input_masks": "@a.png"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fps", "3", "--video-fps", "4"], "--fps sets video_fps, which is given already"),
        (["--mask-type", "box", "-i", "mask_type=alpha"], "--mask-type sets mask_type, which is"),
        (["--click", "1,2", "-i", "click_labels=0"], "--click sets click_labels, which is given"),
        (["-i", "mask_type=box", "-i", "mask_type=alpha"], "-i 'mask_type' is given twice, but"),
    ],
)
def test_an_input_that_is_given_twice_is_refused(arguments, sentence) -> None:
    with pytest.raises(InputError) as error:
        inputs_of(*arguments)
    assert str(error.value).startswith(sentence)


def test_inputs_of_a_batch_are_written_as_in_a_manifest() -> None:
    short = ["--click", "1,2:dog", "--input-masks", "a.png", "--output-video", "--video-fps", "9"]
    assert common_inputs(read_arguments(["batch", "clips", *short])) == {
        "click_coordinates": "[1,2]",
        "click_labels": "1",
        "click_frames": "0",
        "click_object_ids": '["dog"]',
        "input_masks": "a.png",
        "output_video": True,
        "video_fps": 9,
    }
    with pytest.raises(InputError, match="mask_type is 'x', but it should be one of binary"):
        common_inputs(read_arguments(["batch", "clips", "--mask-type", "x"]))


def test_clips_may_stand_between_options() -> None:
    options = read_arguments(["predict", "a.mp4", "--click", "1,2", "b.mp4", "-q", "c.mp4"])
    assert options.clips == ["a.mp4", "b.mp4", "c.mp4"]


def test_help_lists_every_command_in_one_line(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    for name in ("predict", "render", "frame", "batch", "serve", "download", "completion"):
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert len(line.split()) > 2


@pytest.mark.parametrize(
    "command", ["predict", "render", "frame", "batch", "serve", "download", "completion"]
)
def test_help_does_nothing_else(command: str, folder, capsys) -> None:
    before = contents(folder)
    with pytest.raises(SystemExit) as end:
        main([command, "clip.mp4", *CLICK, "--help"] if command == "predict" else [command, "-h"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("usage: ")
    assert contents(folder) == before


def test_version_and_models(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SAM2_CHECKPOINTS", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"sam2-video {sam2_video.__version__}\n"
    with pytest.raises(SystemExit):
        main(["predict", "--list-models"])
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"large +not here; .* large fetches 0\.9 GB", lines[0])
    assert re.fullmatch(r"nano +here, would run", lines[-1])


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(shell, capsys) -> None:
    code, lines, _ = run(capsys, "completion", shell)
    assert code == 0
    text = "\n".join(lines)
    assert "sam2-video" in text
    assert "mask-type" in text
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)


# Results


def test_results_go_to_a_folder_of_the_clip_and_are_not_overwritten(folder, capsys) -> None:
    code, lines, stderr = run(capsys, "predict", "clip.mp4", *CLICK)
    assert code == 0, stderr
    assert lines == [f"out/clip/frame_{k:05d}.webp" for k in range(5)]
    before = contents(folder)
    assert run(capsys, "predict", "clip.mp4", *CLICK, "--end-frame", "2") == (
        1,
        [],
        "'out/clip' holds the result of an earlier run: --overwrite replaces it, -o chooses another"
        " folder\n",
    )
    assert contents(folder) == before


def test_overwrite_clears_what_an_earlier_run_wrote_and_nothing_else(folder, capsys) -> None:
    several = ("--click", "30,30:a", "--click", "60,40:b", "--separate-objects")
    assert run(capsys, "predict", "clip.mp4", *several)[0] == 0
    own = {"out/clip/notes.txt": b"mine", "out/clip/a/notes.txt": b"mine", "out/other": b"mine"}
    for name, content in own.items():
        (folder / name).write_bytes(content)
    kept = {**own, "clip.mp4": (folder / "clip.mp4").read_bytes()}
    options = ("--overwrite", "--end-frame", "2")
    code, lines, stderr = run(capsys, "predict", "clip.mp4", *CLICK, *options)
    assert code == 0, stderr
    after = contents(folder)
    assert set(after) == {*kept, *lines, f"out/clip/{RECORD}"}
    assert len(lines) == 3
    assert {name: after[name] for name in kept} == kept
    assert not (folder / "out/clip/b").exists()


def test_a_file_that_no_run_wrote_is_never_replaced(folder, capsys) -> None:
    assert run(capsys, "predict", "clip.mp4", *CLICK, "--end-frame", "2")[0] == 0
    (folder / "out/clip/frame_00004.webp").write_bytes(b"mine")
    before = contents(folder)
    code, _, stderr = run(capsys, "predict", "clip.mp4", *CLICK, "--overwrite")
    assert code == 1
    assert "'out/clip/frame_00004.webp' was not written by an earlier run" in stderr
    assert contents(folder) == before


def test_a_folder_of_other_files_is_left_alone(folder, capsys) -> None:
    (folder / "out/clip").mkdir(parents=True)
    (folder / "out/clip/frame_00000.webp").write_bytes(b"mine")
    before = contents(folder)
    for options in ((), ("--overwrite",)):
        code, _, stderr = run(capsys, "predict", "clip.mp4", *CLICK, *options)
        assert code == 1
        assert stderr == (
            "the result would go to 'out/clip', which holds other files: choose another -o\n"
        )
    assert contents(folder) == before


def test_a_run_that_ends_later_replaces_nothing(folder, capsys, monkeypatch) -> None:
    """The other run's result came while this one ran, so it was not there at the start."""
    check = runs._check_folder

    def check_before_another_run(*arguments) -> None:
        check(*arguments)
        monkeypatch.setattr(runs, "_check_folder", check)
        assert main(["predict", "clip.mp4", *CLICK, "--end-frame", "1"]) == 0

    monkeypatch.setattr(runs, "_check_folder", check_before_another_run)
    code, lines, stderr = run(capsys, "predict", "clip.mp4", *CLICK, "-i", "end_frame=3")
    assert code == 1
    assert len(lines) == 2
    assert stderr.splitlines()[-1].startswith("'out/clip' holds the result of an earlier run")
    assert len(contents(folder / "out/clip")) == 3


@pytest.mark.parametrize("how", ["itself", "symbolic link", "assignment"])
def test_the_input_is_never_an_output(how, folder, capsys) -> None:
    """Not where it is the result of an earlier run in the folder where the next would go."""
    made = ("--output-video", "--overwrite", "--quiet")
    shutil.copy("clip.mp4", "output_video.mp4")
    assert run(capsys, "predict", "output_video.mp4", *CLICK, *made)[0] == 0
    clip = "out/output_video/output_video.mp4"
    given = [clip]
    if how == "assignment":
        given = ["-i", f"input_video=@{clip}"]
    if how == "symbolic link":
        (folder / "elsewhere").mkdir()
        given = ["elsewhere/output_video.mp4"]
        (folder / given[0]).symlink_to(folder / clip)
    before = contents(folder)
    code, _, stderr = run(capsys, "predict", *given, *CLICK, *made)
    assert code == 1
    assert "'out/output_video', which holds the input 'output_video.mp4'" in stderr
    assert contents(folder) == before


@pytest.mark.parametrize(
    "record", ["", "[]", '{"files": 3}', '{"files": ["../../clip.mp4"]}', '{"files": ["/etc/x"]}']
)
def test_a_record_that_is_not_ours_removes_nothing(record, folder, capsys) -> None:
    (folder / "out/clip").mkdir(parents=True)
    (folder / "out/clip" / RECORD).write_text(record)
    before = contents(folder)
    code, _, stderr = run(capsys, "predict", "clip.mp4", *CLICK, "--overwrite")
    assert code == 1
    assert RECORD in stderr
    assert contents(folder) == before


def test_render_does_not_replace_the_masks_that_it_reads(folder, capsys) -> None:
    assert run(capsys, "predict", "clip.mp4", *CLICK, "--mask-type", "indexed")[0] == 0
    before = contents(folder)
    rendering = ("render", "clip.mp4", "--masks", "out/clip", "--mask-type", "greenscreen")
    code, _, stderr = run(capsys, *rendering, "--overwrite")
    assert code == 1
    assert "which holds the input 'clip': choose another -o" in stderr
    assert contents(folder) == before
    with pytest.raises(SystemExit):
        main([*rendering, "--click", "1,2"])
    capsys.readouterr()
    code, lines, stderr = run(capsys, *rendering, "-o", "final", "--json")
    assert code == 0, stderr
    (report,) = map(json.loads, lines)
    assert report["objects"] == ["object_1"]
    assert len(report["files"]) == report["frames"] == 5


# What a run prints


def test_json_is_one_line_a_clip_failed_ones_too(folder, capsys) -> None:
    (folder / "bad.mp4").write_bytes(b"nothing")
    arguments = ("predict", "clip.mp4", "bad.mp4", "--click", "30,30:dog", "--json", "--quiet")
    code, lines, stderr = run(capsys, *arguments)
    good, bad = map(json.loads, lines)
    assert code == 1
    assert good.pop("seconds") > 0
    assert good == {
        "input": "clip.mp4",
        "files": [f"out/clip/frame_{k:05d}.webp" for k in range(5)],
        "objects": ["dog"],
        "frames": 5,
    }
    assert bad["input"] == "bad.mp4"
    assert bad["error"].startswith("input_video is not a video")
    assert stderr == f"bad.mp4: {bad['error']}\n"


def test_quiet_prints_the_paths_alone(folder, capsys) -> None:
    code, lines, stderr = run(capsys, "predict", "clip.mp4", *CLICK, "-q")
    assert (code, len(lines), stderr) == (0, 5, "")


def test_a_dry_run_checks_and_writes_nothing(folder, capsys) -> None:
    before = contents(folder)
    code, lines, _ = run(capsys, "predict", "clip.mp4", "--click", "30,30:dog", "--dry-run")
    assert (code, lines) == (0, ["clip.mp4: valid, 5 frames, dog -> out/clip"])
    code, _, stderr = run(capsys, "predict", "clip.mp4", "--click", "900,1", "--dry-run")
    assert code == 1
    assert "click_coordinates[0] is [900,1], but the video has 96x72 pixels" in stderr
    assert contents(folder) == before
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([*CLICK], "there is no clip: name a video, a URL, a folder or - for standard input"),
        (["clip.mp4", *CLICK, "--device", "cuda", "--dry-run"], "device is 'cuda', but PyTorch "),
        (["clip.mp4"], "there is no prompt: mark an object with --click X,Y, --box or --input-m"),
        (["no.mp4", *CLICK], "input_video is 'no.mp4', but there is no such file"),
        (["empty", *CLICK], "input_video is 'empty', but there is no video in this folder"),
        (["*.mov", *CLICK], "input_video is '*.mov', but no file matches this pattern"),
        (["clip.mp4", *CLICK, "-i", "input_video=@clip.mp4"], "input_video is given twice: as '"),
        (["clip.mp4", *CLICK, "--model", "huge"], "model is 'huge', but it should be one of larg"),
        (["clip.mp4", *CLICK, "--device", "cuda"], "device is 'cuda', but PyTorch finds no CUDA "),
        (["clip.mp4", *CLICK, "--device", "tpu"], "device is 'tpu', but it should be cpu, cuda or"),
        (["clip.mp4", *CLICK, "--device", "cpu:9"], "device is 'cpu:9', but it should be cpu, cud"),
        (["clip.mp4", *CLICK, "--fps", "fast"], "video_fps is 'fast', but it should be a whole n"),
        (["-", "-", *CLICK], "input_video is '-' twice, but standard input is one clip"),
    ],
)
def test_bad_options_are_one_sentence(arguments, sentence, folder, capsys, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (folder / "empty").mkdir()
    code, lines, stderr = run(capsys, "predict", *arguments, "--quiet")
    assert (code, lines) == (1, [])
    assert stderr.startswith(sentence)
    assert stderr.count("\n") == 1
    assert not (folder / "out").exists()


@pytest.mark.parametrize("text", ["", " "])
@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "TEXT", *CLICK),
        ("predict", "clip.mp4", *CLICK, "TEXT"),
        ("predict", "clip.mp4", *CLICK, "-o", "TEXT"),
        ("predict", "clip.mp4", "--input-masks", "TEXT"),
        ("predict", *CLICK, "-i", "input_video=TEXT"),
        ("render", "TEXT", "--masks", "."),
        ("render", "clip.mp4", "--masks", "TEXT"),
        ("frame", "TEXT"),
        ("frame", "clip.mp4", "-o", "TEXT"),
        ("batch", "TEXT", *CLICK),
        ("batch", ".", *CLICK, "-o", "TEXT"),
    ],
)
def test_an_empty_name_is_not_the_working_folder(arguments, text, folder, capsys) -> None:
    before = contents(folder)
    try:
        code = main([argument.replace("TEXT", text) for argument in arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capsys.readouterr()
    assert code in (1, 2)
    assert captured.out == ""
    sentence = captured.err.splitlines()[-1]
    assert repr(text) in sentence or repr(f"@{text}") in sentence
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("nowhere/ffmpeg", "No such file or directory"),
        ("clip.mp4", "Permission denied"),
        ("text", "Exec format error"),
    ],
)
@pytest.mark.parametrize(
    "arguments", [("predict", "clip.mp4", *CLICK, "-q"), ("frame", "clip.mp4")]
)
def test_an_ffmpeg_that_does_not_start(
    arguments, program, reason, folder, capsys, monkeypatch
) -> None:
    (folder / "text").write_text("nothing")
    (folder / "text").chmod(0o755)
    path = str(folder / program)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", path)
    code, lines, stderr = run(capsys, *arguments)
    assert (code, lines) == (1, [])
    assert stderr == f"IMAGEIO_FFMPEG_EXE is {path!r}, which cannot be started: {reason}\n"


def test_an_option_without_effect_is_named(folder, caplog) -> None:
    def notes(*options: str) -> list[str]:
        caplog.clear()
        assert main(["predict", "clip.mp4", *CLICK, "--dry-run", *options]) == 0
        return [line for line in caplog.messages if "no effect" in line]

    options = ("--keep-audio", "--background-color", "#ff0000", "--video-fps", "30")
    assert notes(*options) == [
        "keep_audio has no effect with output_video false: it needs true",
        "background_color has no effect with mask_type binary: it needs greenscreen",
    ]
    assert notes(*options, "--quiet") == []
    assert notes("--output-video", "--keep-audio", "--video-format", "webm") == []


def test_a_folder_of_clips_without_a_prompt_is_no_batch(folder, capsys) -> None:
    code, lines, stderr = run(capsys, "batch", ".")
    assert (code, lines) == (1, [])
    assert stderr.startswith("there is no prompt: mark an object with --click X,Y, --box or --inp")
    assert not (folder / "results").exists()


def test_masks_that_are_missing_are_counted(folder, caplog) -> None:
    indexed = ("--mask-type", "indexed", "--end-frame", "2", "--output-frame-interval", "2")
    assert main(["predict", "clip.mp4", *CLICK, *indexed, "-o", "masks"]) == 0
    rendering = ["render", "clip.mp4", "--masks", "masks/clip", "--dry-run"]
    assert main([*rendering, "--output-frame-interval", "2"]) == 0
    assert main(rendering) == 0
    assert [line for line in caplog.messages if "--masks" in line] == [
        "--masks has no mask of 1 of 3 frames, the first is 4: no object is drawn there",
        "--masks has no mask of 3 of 5 frames, the first is 1: no object is drawn there",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "a", "--clik", "1,2"], "--clik 1,2 (is --click meant?)"),
        (["batch", "a", "--mask_type=box"], "--mask_type=box (is --mask-type meant?)"),
        (["frame", "a", "1", "2"], "frame: error: unrecognized arguments: 2"),
    ],
)
def test_a_wrong_option_names_the_closest_one(arguments, sentence, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    stderr = capsys.readouterr().err
    assert f"sam2_video {arguments[0]}: error: unrecognized arguments: " in stderr
    assert stderr.endswith(f"{sentence}\n")


def test_models_are_listed_with_the_one_that_would_run(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setenv("SAM2_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("SAM2_MODEL", "tiny")
    with pytest.raises(SystemExit):
        main(["--list-models"])
    assert "\ntiny        not here, but SAM2_MODEL names it; " in capsys.readouterr().out
    monkeypatch.setenv("SAM2_MODEL", "huge")
    assert run(capsys, "--list-models")[0] == 1


def test_a_reader_that_has_ended_is_no_error(folder) -> None:
    command = f"{sys.executable} -m sam2_video --list-models | true; echo ${{PIPESTATUS[0]}}"
    shell = ["bash", "-c", command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout in ("0\n", "141\n"), done.stderr) == (True, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_device_as_stdout_is_one_sentence(unbuffered) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sam2_video", "--list-models"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    sentence = "stdout cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, sentence)


@pytest.mark.parametrize("arguments", [["predict", "-", *CLICK], ["frame", "-", "3"]])
def test_a_full_temporary_folder_is_one_sentence(arguments, folder, capsys, monkeypatch) -> None:
    temporary = folder / "temporary"
    temporary.mkdir()
    (temporary / "stdin").symlink_to("/dev/full")
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *_, **__: str(temporary))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"clip")))
    sentence = f"no space is left in the temporary folder {tempfile.gettempdir()!r} (TMPDIR)\n"
    assert run(capsys, *arguments) == (1, [], sentence)


@pytest.mark.parametrize(
    ("arguments", "closed", "code", "stderr", "made"),
    [
        ("frame clip.mp4", "1>&-", 0, "", ["clip_frame_00000.png"]),
        ("frame clip.mp4", "0<&- 1>&- 2>&-", 0, "", ["clip_frame_00000.png"]),
        ("frame - <clip.mp4", "1>&-", 0, "", ["stdin_frame_00000.png"]),
        ("frame -", "0<&-", 1, "input_video is '-', but nothing is piped to standard input\n", []),
        ("predict clip.mp4 --click 30,30 --dry-run", "2>&-", 0, "", []),
        (
            *("predict clip.mp4 --click 30,30 --end-frame 0", "2>&-", 0, ""),
            [f"out/clip/{RECORD}", "out/clip/frame_00000.webp"],
        ),
        ("predict clip.mp4 --click 900,1 --dry-run", "2>&-", 1, "", []),
        ("--version", "1>&-", 0, "", []),
    ],
)
def test_streams_may_be_closed(arguments, closed, code, stderr, made, folder) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m sam2_video {arguments} {closed}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, stderr)
    assert sorted(set(contents(folder)) - {"clip.mp4"}) == made


@pytest.mark.parametrize(
    ("encoding", "name", "printed"),
    [
        ("ascii", "\xe9.mp4", b"\\xe9_frame_00000.png\n"),
        ("utf-8", "\xe9.mp4", b"\xc3\xa9_frame_00000.png\n"),
        ("utf-8", "\udcff.mp4", b"\\udcff_frame_00000.png\n"),
        ("utf-8:surrogateescape", "\udcff.mp4", b"\xff_frame_00000.png\n"),
    ],
)
def test_any_file_name_is_printed(encoding, name, printed, folder) -> None:
    (folder / "clip.mp4").rename(name)
    done = subprocess.run(
        [sys.executable, "-m", "sam2_video", "frame", name],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, b"")


# What may not be read or written


@pytest.fixture
def locked(folder) -> Iterator[Path]:
    """Files and folders of mode 000, closed to this process even if root runs the tests."""
    Image.new("P", (96, 72), 1).save("mask.png")
    shutil.copy("clip.mp4", "secret.mp4")
    (folder / "masks").mkdir()
    (folder / "locked").mkdir()
    for name in ("secret.json", "secret.png", "masks/0.png"):
        shutil.copy("mask.png", name)
    for name in ("secret.mp4", "secret.json", "secret.png", "masks/0.png", "locked"):
        (folder / name).chmod(0)
    # Linux: version 3 of the structures, and the effective capabilities' lower half.
    header, capabilities = (c_uint32 * 2)(0x20080522, 0), (c_uint32 * 6)()
    libc = CDLL(None)
    assert libc.capget(header, capabilities) == 0
    effective = capabilities[0]
    capabilities[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(header, capabilities) == 0
    yield folder
    capabilities[0] = effective
    assert libc.capset(header, capabilities) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "secret.mp4", *CLICK], "input_video cannot be read"),
        (["predict", "secret.mp4", *CLICK, "--dry-run"], "input_video cannot be read"),
        (["predict", "locked", *CLICK], "input_video is 'locked', but it cannot be read"),
        (["predict", "locked/a.mp4", *CLICK], "input_video is 'locked/a.mp4', but it cannot be r"),
        (["predict", "clip.mp4", "--input-masks", "secret.png"], "input_masks cannot be read"),
        (["predict", "clip.mp4", *CLICK, "-o", "locked/o"], "-o 'locked/o/clip' cannot be writt"),
        (["predict", "clip.mp4", *CLICK, "-o", "locked"], "-o 'locked/clip' cannot be written to"),
        (["frame", "secret.mp4"], "input_video cannot be read"),
        (["frame", "clip.mp4", "-o", "locked/a.png"], "-o 'locked/a.png' cannot be written to"),
        (["render", "secret.mp4", "--masks", "mask.png"], "input_video cannot be read"),
        (["render", "clip.mp4", "--masks", "secret.json"], "--masks cannot be read"),
        (["render", "clip.mp4", "--masks", "secret.png"], "--masks cannot be read"),
        (["render", "clip.mp4", "--masks", "masks"], "--masks cannot be read"),
        (["render", "clip.mp4", "--masks", "locked"], "--masks cannot be read"),
        (["render", "clip.mp4", "--masks", "locked/a"], "--masks cannot be read"),
        (["batch", "locked/jobs.jsonl"], "'locked/jobs.jsonl' cannot be read"),
    ],
)
def test_what_may_not_be_opened_is_one_sentence(arguments, sentence, locked, capsys) -> None:
    quiet = ["--quiet"] if arguments[0] in ("predict", "render") else []
    code, lines, stderr = run(capsys, *arguments, *quiet)
    assert (code, lines) == (1, [])
    assert stderr.startswith(sentence)
    assert stderr.endswith(": Permission denied\n")
    assert stderr.count("\n") == 1


def test_a_clip_that_may_not_be_read_does_not_stop_the_others(locked, capsys) -> None:
    clips = ("secret.mp4", "clip.mp4")
    code, lines, stderr = run(capsys, "predict", *clips, *CLICK, "--dry-run", "--json", "-q")
    bad, good = map(json.loads, lines)
    assert (code, bad["error"]) == (1, "input_video cannot be read: Permission denied")
    assert good["frames"] == 5
    assert stderr == "secret.mp4: input_video cannot be read: Permission denied\n"
    with pytest.raises(InputError, match=r"^input_video cannot be read: Permission denied$"):
        next(sam2_video.segment("secret.mp4", "[1,1]"))


def test_a_full_disk_is_one_sentence(folder, capsys, monkeypatch) -> None:
    """Where temporary files are on another one."""
    before = contents(folder)

    def fail(number: int) -> Callable[..., None]:
        def failing(source: object, *_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number), str(source))

        return failing

    monkeypatch.setattr(os, "rename", fail(errno.EXDEV))
    monkeypatch.setattr(shutil, "copyfile", fail(errno.ENOSPC))
    code, lines, stderr = run(capsys, "predict", "clip.mp4", *CLICK)
    assert (code, lines) == (1, [])
    assert stderr.splitlines()[-1] == "no space is left on the disk for the output"
    assert contents(folder) == before


# Several clips


def test_a_folder_a_pattern_and_clips_of_one_name(folder, capsys) -> None:
    (folder / "clips").mkdir()
    for name in ("clips/b.mp4", "clips/a.MOV", "clips/.hidden.mp4", "clip.mkv"):
        shutil.copy("clip.mp4", name)
    (folder / "clips/notes.txt").touch()
    options = (*CLICK, "--dry-run", "--json", "--quiet")
    code, lines, _ = run(capsys, "predict", "clips", "clip.m*", *options)
    assert code == 0
    found = [json.loads(line)["input"] for line in lines]
    assert found == ["clips/a.MOV", "clips/b.mp4", "clip.mkv", "clip.mp4"]
    code, lines, _ = run(capsys, "predict", "clip.m*", *CLICK, "--dry-run", "--quiet")
    assert [line.rpartition(" ")[2] for line in lines] == ["out/clip", "out/clip_2"]


def test_standard_input(folder, capsys, monkeypatch) -> None:
    content = (folder / "clip.mp4").read_bytes()

    def pipe(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    pipe(content)
    code, lines, stderr = run(capsys, "predict", "-", *CLICK, "--end-frame", "1")
    assert code == 0, stderr
    assert lines == ["out/stdin/frame_00000.webp", "out/stdin/frame_00001.webp"]
    monkeypatch.setenv("SAM2_MAX_VIDEO_BYTES", "1000")
    pipe(content)
    code, _, stderr = run(capsys, "predict", "-", *CLICK, "--overwrite")
    assert code == 1
    assert stderr == "input_video has more than the 1000 bytes allowed (SAM2_MAX_VIDEO_BYTES)\n"


@pytest.mark.parametrize(
    ("clip", "stem"),
    [
        ("a/b.c.mp4", "b.c"),
        ("https://example.org/x/my%20clip.mp4?size=1#t", "my clip"),
        ("https://example.org", "video"),
        ("data:video/mp4;base64,AAAA", "video"),
        ("-", "stdin"),
    ],
)
def test_the_name_of_a_clip(clip: str, stem: str) -> None:
    assert stem_of(clip) == stem


# One frame


def test_a_frame_is_written_to_look_up_pixels_in(folder, capsys) -> None:
    code, lines, stderr = run(capsys, "frame", "clip.mp4", "3", "-o", "frame.png")
    assert (code, lines) == (0, ["frame.png"]), stderr
    with Image.open("frame.png") as picture:
        assert clips.number_of(np.asarray(picture)) == 3
    code, lines, _ = run(capsys, "frame", "clip.mp4")
    assert lines == ["clip_frame_00000.png"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["clip.mp4", "5"], "FRAME is 5, but the video has 5 frames (0-4)"),
        (["clip.mp4", "x"], "FRAME is 'x', but it should be a whole number"),
        (["clip.mp4", "0", "-o", "a.gif"], "-o is 'a.gif', but it should end in .png, .jpg, .webp"),
        (["clip.mp4", "0", "-o", "old.png"], "-o is 'old.png', which exists: --overwrite replaces"),
        (["no.mp4"], "input_video is 'no.mp4', but there is no such file"),
        (["clip.mp4", "0", "-o", "no/a.png"], "-o is 'no/a.png', but there is no such folder"),
    ],
)
def test_a_frame_that_cannot_be_written(arguments, sentence, folder, capsys) -> None:
    (folder / "old.png").write_bytes(b"mine")
    before = contents(folder)
    code, lines, stderr = run(capsys, "frame", *arguments)
    assert (code, lines) == (1, [])
    assert stderr.startswith(sentence)
    assert contents(folder) == before


def test_a_frame_is_not_written_over_its_clip(folder, capsys) -> None:
    Image.new("RGB", (64, 48)).save("still.png")
    before = contents(folder)
    code, _, stderr = run(capsys, "frame", "still.png", "0", "-o", "still.png", "--overwrite")
    assert code == 1
    assert stderr == "-o is 'still.png', which is the clip itself\n"
    assert contents(folder) == before


def test_the_command_line_starts_without_any_package() -> None:
    """`scripts/download_weights.sh` runs it before anything is installed."""
    code = "import sys; sys.path.insert(0, '.'); from sam2_video.cli import main; main(['-h'])"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
