"""The command line, as a user runs it."""

import base64
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from bench.processes import ffmpeg_children
from sam2_video.cli import main
from tests.conftest import ROOT

SENTENCE_LENGTH = 450  # one of them lists the inputs


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder where the command's temporary files would lie."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def start(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "sam2_video", "predict", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **pipes)


def test_the_main_job(short_clip, temporary, tmp_path) -> None:
    out = tmp_path / "new" / "out"
    process = start(
        *("-i", f"input_video=@{short_clip}", "-i", "click_coordinates=[166,171]"),
        *("-i", "mask_type=highlighted", "-i", "output_video=true", "-o", str(out)),
    )
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert stdout == f"{out}/short/output_video.mp4\n"
    assert files(out) == ["short", "short/.sam2-video.json", "short/output_video.mp4"]
    assert files(temporary) == []
    lines = stderr.splitlines()
    assert lines[0] == "model: nano (sam2_nano.pt)"
    assert lines[-1].startswith("100%|##########| 6/6 [")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing(number, example, temporary, tmp_path) -> None:
    out = tmp_path / "out"
    process = start(
        *("-i", f"input_video=@{example / 'clip.mp4'}", "-i", "click_coordinates=[166,171]"),
        *("-o", str(out)),
    )
    for line in process.stderr:
        if "frames/s" in line:
            break
    children = ffmpeg_children(process.pid)
    assert children
    process.send_signal(number)
    stdout, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert stdout == ""
    assert not out.exists()
    assert files(temporary) == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def run(capsys, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, lines on stdout and stderr of a command run in this process."""
    code = main(["predict", *arguments])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


BAD = {
    "no input": ([], "there is no clip: name a video, a URL, a folder or"),
    "no value": (["input_video"], "-i 'input_video' should be written name=value"),
    "unknown": (["fps=3"], "'fps' is not an input; the closest one is video_fps"),
    "missing file": (["input_video=@nowhere.mp4"], "input_video is '@nowhere.mp4', but there is"),
    "folder": (["input_video=@tests"], "input_video is '@tests', but it is not a file"),
    "long name": (["input_video=@" + "x" * 300], "input_video is '@xxx"),
    "twice": (["mask_type=binary", "mask_type=box"], "-i 'mask_type' is given twice, but every"),
    "no at sign": (["input_video=clip.mp4"], "input_video is 'clip.mp4', but it should be @file"),
    "file URL": (
        ["input_video=file:///etc/passwd"],
        "input_video is 'file:///etc/passwd', but it should be @file, a data URI or an http(s) URL",
    ),
    "dead URL": (
        ["input_video=http://127.0.0.1:9/clip.mp4"],
        "input_video is 'http://127.0.0.1:9/clip.mp4', which cannot be fetched: Connection ref",
    ),
    "bad data": (["input_video=data:nonsense"], "input_video is a data URI, but it has no comma"),
    "choice": (
        ["output_format=gif"],
        "output_format is 'gif', but it should be one of webp, jpg, png",
    ),
    "bound": (["video_fps=61"], "video_fps is 61, but it should be a whole number from 1 to 60"),
    "type": (["video_fps=fast"], "video_fps is 'fast', but it should be a whole number from 1"),
    "boolean": (["output_video=maybe"], "output_video is 'maybe', but it should be true or false"),
    "click": (
        ["click_coordinates=[640,1]"],
        "click_coordinates[0] is [640,1], but the video has 640x360 pixels",
    ),
    "frame": (["click_frames=500"], "click_frames[0] is 500, but the video has 6 frames (0-5)"),
    "no video": (["input_video=data:video/mp4;base64,aGVsbG8="], "input_video is not a video"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_on_stderr(name, short_clip, tmp_path, capsys) -> None:
    given, sentence = BAD[name]
    defaults = {"input_video": f"@{short_clip}", "click_coordinates": "[5,5]"}
    names = {text.partition("=")[0] for text in given}
    kept = [f"{key}={value}" for key, value in defaults.items() if key not in names]
    inputs = [] if name == "no input" else [*kept, *given]
    arguments = [part for text in inputs for part in ("-i", text)]
    code, stdout, stderr = run(capsys, *arguments, "-o", str(tmp_path / "out"))
    assert code == 1
    assert stdout == []
    assert stderr.startswith(sentence)
    assert stderr.count("\n") == 1
    assert len(stderr) < SENTENCE_LENGTH
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["segment"], ["predict", "--fast"], ["download", "tiny", "--fast"]]
)
def test_usage_errors_end_in_2(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage: python -m sam2_video" in capsys.readouterr().err


def test_a_missing_checkpoint_is_one_sentence(short_clip, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SAM2_MODEL", "large")
    monkeypatch.setenv("SAM2_CHECKPOINTS", str(tmp_path))
    code, _, stderr = run(
        capsys, "-i", f"input_video=@{short_clip}", "-i", "click_coordinates=[5,5]"
    )
    assert code == 1
    assert stderr == (
        "SAM2_MODEL is 'large', but sam2.1_hiera_large.pt is not in the checkpoint folder; "
        "scripts/download_weights.sh large fetches it\n"
    )


@pytest.fixture
def web(tmp_path) -> Iterator[str]:
    """The URL of a local web server that serves the folder `served`."""
    served = tmp_path / "served"
    served.mkdir()
    handler = partial(QuietHandler, directory=served)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # a client that hangs up is none
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_url_and_a_data_uri(web, temporary, tmp_path, capsys) -> None:
    picture = Image.new("RGB", (64, 48), (20, 60, 200))
    picture.paste((230, 40, 30), (16, 12, 48, 36))
    picture.save(tmp_path / "served" / "still.png")
    data = base64.b64encode((tmp_path / "served" / "still.png").read_bytes()).decode()
    results = []
    sources = {"still": f"{web}/still.png", "video": f"data:image/png;base64,{data}"}
    for name, source in sources.items():
        out = tmp_path / "out"
        code, stdout, stderr = run(
            capsys,
            *("-i", f"input_video={source}", "-i", "click_coordinates=[30,24]"),
            *("-i", "output_format=png", "-o", str(out)),
        )
        assert code == 0, stderr
        assert stdout == [f"{out}/{name}/frame_00000.png"]
        results.append((out / name / "frame_00000.png").read_bytes())
    assert results[0] == results[1]


def test_a_download_is_bounded(web, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "served" / "large.mp4").write_bytes(bytes(3_000_000))
    monkeypatch.setenv("SAM2_MAX_VIDEO_BYTES", "1000000")
    source = f"input_video={web}/large.mp4"
    code, _, stderr = run(capsys, "-i", source, "-i", "click_coordinates=[1,1]")
    assert code == 1
    assert stderr == "input_video has more than the 1000000 bytes allowed (SAM2_MAX_VIDEO_BYTES)\n"


def test_a_folder_that_cannot_be_written_is_one_sentence(short_clip, tmp_path, capsys) -> None:
    (tmp_path / "out").touch()
    inputs = ["-i", f"input_video=@{short_clip}", "-i", "click_coordinates=[5,5]"]
    code, _, stderr = run(capsys, *inputs, "-o", str(tmp_path / "out"))
    assert code == 1
    assert stderr.startswith("-o ")
    assert "cannot be written to: " in stderr


def test_the_next_run_removes_what_a_killed_one_left(short_clip, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    stay = (
        "import sys, time; from pathlib import Path; from sam2_video.cli.results import staging\n"
    )
    stay += "with staging(Path(sys.argv[1])) as path: print(path, flush=True); time.sleep(60)"
    runs = [
        subprocess.Popen([sys.executable, "-c", stay, out], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    killed, alive = (Path(run.stdout.readline().strip()) for run in runs)
    runs[0].kill()
    runs[0].wait()
    inputs = ["-i", f"input_video=@{short_clip}", "-i", "click_coordinates=[5,5]"]
    assert run(capsys, *inputs, "-o", str(out))[0] == 0
    assert not killed.exists()
    assert alive.exists()
    runs[1].kill()
    runs[1].communicate()
    runs[0].stdout.close()
