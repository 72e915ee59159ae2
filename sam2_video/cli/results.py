"""Where results go: a folder for each clip, in which nothing of others is lost.

A record in the folder names the files of the run that made it. Only those are ever replaced.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from sam2_video.core.errors import InputError, OutputError, reason_of, shown, writing
from sam2_video.core.workspace import locked_folder, place

RECORD = ".sam2-video.json"


@contextmanager
def writable(output: Path) -> Iterator[None]:
    """Raise an `OutputError` for what `-o` names if it cannot be used in the block."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"-o {str(output)!r} cannot be written to: {reason_of(error)}") from error


def check_folder(folder: Path, sources: Iterable[Path], *, may_overwrite: bool) -> None:
    """Make sure that a run may write into a folder, before any work.

    Args:
        folder: of one clip's results.
        sources: files and folders that the run reads.
        may_overwrite: whether an earlier result in the folder may be replaced.

    Raises:
        InputError: the folder holds a result that may not be replaced, files of others only, or an
            input.
        OutputError: it may not be looked into.
    """
    with writable(folder):
        _check_folder(folder, sources, may_overwrite)


def _check_folder(folder: Path, sources: Iterable[Path], may_overwrite: bool) -> None:
    name = shown(str(folder), 180)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"the result would go to {name}, which is a file: choose another -o")
    for source in sources:
        if source.resolve().is_relative_to(folder.resolve()):
            raise InputError(
                f"the result would go to {name}, which holds the input {shown(source.name)}: "
                "choose another -o"
            )
    if not any(folder.iterdir()):
        return
    if not (folder / RECORD).is_file():
        raise InputError(
            f"the result would go to {name}, which holds other files: choose another -o"
        )
    if not may_overwrite:
        raise InputError(
            f"{name} holds the result of an earlier run: --overwrite replaces it, -o chooses "
            "another folder"
        )
    _recorded(folder)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A temporary folder in `folder`; both are deleted, `folder` only if it is new and empty.

    What a run that was killed left there is deleted first.

    Raises:
        OutputError: it cannot be written to.
    """
    with writable(folder):
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        path, lock = locked_folder(folder, ".sam2-video-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()


def store(
    made: Path, names: Sequence[Path], folder: Path, stage: Path, *, may_overwrite: bool
) -> list[Path]:
    """Move a run's files to their place once all of them are complete.

    Files of an earlier run are replaced; those that this one does not write are removed.

    Args:
        made: the folder that holds them.
        names: the files, relative to it.
        folder: their place.
        stage: a temporary folder beside it, as `staging` gives.
        may_overwrite: as `check_folder` takes it; another run may have written there meanwhile.

    Returns:
        The files, in the order of `names`.

    Raises:
        InputError: `folder` holds a result that may not be replaced.
        OutputError: they cannot be written, or `folder` holds a file of that name that no earlier
            run wrote.
    """
    staged = stage / folder.name
    with writing():
        place(names, made, staged, shutil.move)
        _record(staged, names)
        with suppress(OSError):  # it is there, with an earlier result
            staged.rename(folder)
            return [folder / name for name in names]
    check_folder(folder, (), may_overwrite=may_overwrite)
    with writing(), _locked(folder):
        earlier = _recorded(folder)
        for name in names:
            if name not in earlier and (folder / name).exists():
                raise OutputError(
                    f"{shown(str(folder / name), 180)} was not written by an earlier run, so it "
                    "is not replaced: choose another -o"
                )
        _record(folder, [*earlier, *names])  # holds also where this is interrupted
        for name in earlier:
            (folder / name).unlink(missing_ok=True)
        for parent in {name.parent for name in earlier} - {Path()}:
            with suppress(OSError):  # other files are in it, or it is gone
                (folder / parent).rmdir()
        place(names, staged, folder, Path.replace)
        _record(folder, names)
    return [folder / name for name in names]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other runs from replacing files in the folder during the block."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _record(folder: Path, names: Iterable[Path]) -> None:
    text = json.dumps({"files": [name.as_posix() for name in dict.fromkeys(names)]})
    part = folder / f"{RECORD}.part"
    part.write_text(f"{text}\n")
    part.replace(folder / RECORD)


def _recorded(folder: Path) -> list[Path]:
    """The files of the earlier run, relative to the folder.

    Raises:
        InputError: the record is damaged, or names a file outside of the folder.
    """
    try:
        names = [PurePosixPath(name) for name in json.loads((folder / RECORD).read_text())["files"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{shown(str(folder / RECORD), 180)} is damaged: remove it") from error
    place = folder.resolve()
    if not all((folder / name).parent.resolve().is_relative_to(place) for name in names):
        raise InputError(f"{shown(str(folder / RECORD), 180)} names files elsewhere: remove it")
    return [Path(name) for name in names]
