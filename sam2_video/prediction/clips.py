"""Which clips the user of the command line names: paths, URLs, folders, patterns or stdin."""

import glob
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from sam2_video.core.errors import InputError, reason_of, shown
from sam2_video.core.limits import Limits
from sam2_video.prediction.data_uri import is_data_uri
from sam2_video.prediction.fetch import check_size, existing_file, is_url, local_file

STDIN = "-"
NAME = "input_video"
SUFFIXES = tuple(
    f".{name}"
    for name in (
        *("3gp", "avi", "flv", "gif", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg"),
        *("mts", "mxf", "ogv", "ts", "webm", "wmv"),
    )
)
"""What counts as a video in a folder; a file that is named itself may have any ending."""

_CHUNK = 1 << 20


def clips_of(text: str) -> list[str]:
    """The clips that an argument names: a folder's videos, a pattern's matches, else itself.

    Raises:
        InputError: there is no video in the folder, no file that matches, or it may not be
            read; or the argument names nothing.
    """
    if not text.strip():
        raise InputError(f"{NAME} is {shown(text)}, but it should name a video, a URL or a folder")
    if text == STDIN or is_url(text):
        return [text]
    try:
        path = Path(text).expanduser()
        if path.is_dir():
            found = [p for p in path.iterdir() if p.suffix.lower() in SUFFIXES]
            reason = "there is no video in this folder"
        elif glob.has_magic(text) and not path.exists():
            found = [Path(name) for name in glob.iglob(str(path), recursive=True)]  # noqa: PTH207
            reason = "no file matches this pattern"
        else:
            return [text]
        clips = sorted(str(p) for p in found if p.is_file() and not p.name.startswith("."))
    except (OSError, RuntimeError) as error:  # too long, not allowed, or an unknown `~user`
        reason = f"it cannot be read: {reason_of(error)}"
        raise InputError(f"{NAME} is {shown(text, 180)}, but {reason}") from error
    if not clips:
        raise InputError(f"{NAME} is {shown(text)}, but {reason}")
    return clips


def check_prompted(given: Container[str]) -> None:
    """Make sure that inputs for clips, which have no prompts of their own, hold one.

    Raises:
        InputError: they do not.
    """
    if not any(name in given for name in ("click_coordinates", "box_coordinates", "input_masks")):
        raise InputError(
            "there is no prompt: mark an object with --click X,Y, --box or --input-masks"
        )


def stem_of(clip: str) -> str:
    """A clip's file name without its ending; it may be no safe name for a file."""
    if clip == STDIN:
        return "stdin"
    if is_url(clip):
        clip = "" if is_data_uri(clip) else unquote(urlsplit(clip).path)
    return PurePosixPath(clip).stem or "video"


@contextmanager
def local_clip(clip: str, folder: Path, limits: Limits) -> Iterator[Path]:
    """Have one clip as a local file while the block runs.

    Args:
        clip: a path, a URL, or `-` for standard input.
        folder: where a download or standard input lies until the block ends.
        limits: bounds on bytes and seconds of either.

    Raises:
        InputError: there is no such file, or it cannot be fetched.
    """
    if clip == STDIN:
        yield _save_stdin(folder / "stdin", limits)
        return
    source = clip if is_url(clip) else existing_file(NAME, clip, clip)
    with local_file(NAME, source, folder, limits) as path:
        yield path


def _save_stdin(path: Path, limits: Limits) -> Path:
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(f"{NAME} is '-', but nothing is piped to standard input")
    with path.open("wb") as file:
        total = 0
        while chunk := sys.stdin.buffer.read(_CHUNK):
            total += len(chunk)
            check_size(total, NAME, limits)
            file.write(chunk)
    return path
