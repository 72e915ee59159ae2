"""Builds the image with docker, podman or buildah: `make image`."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.image.engines import Engine, EngineError, find_engine

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_BASE = "python:3.11-slim"
DEBIAN_BASE = "localhost/sam2-video-debian-base"
_DEBIAN = ["debootstrap", "--variant=minbase", "--include=python3,python3-pip,ca-certificates"]
_UNUSED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale")


def main() -> int:
    """Build the image that the options describe; the exit code."""
    parser = argparse.ArgumentParser(prog="make image", description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    try:
        build_image(find_engine(options.engine), options, options.base)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare how the image is built."""
    parser.add_argument("--engine", default="", help="docker, podman or buildah (what is here)")
    parser.add_argument("--tag", default="sam2-video", help="name of the image (%(default)s)")
    parser.add_argument("--base", default="", help=f"image with Python 3.11 ({DEFAULT_BASE})")
    parser.add_argument("--wheels", type=Path, help="install from this folder, not from an index")
    parser.add_argument("extra", nargs="*", help="further options of the engine's build command")


def build_image(engine: Engine, options: argparse.Namespace, base: str) -> None:
    """Build the Dockerfile.

    Raises:
        EngineError: the build has failed, or an option is invalid.
    """
    arguments = list(options.extra)
    if base:
        arguments += ["--build-arg", f"BASE={base}"]
    if options.wheels is not None:
        if not options.wheels.is_dir():
            raise EngineError(f"WHEELS is {str(options.wheels)!r}, but it should be a folder")
        arguments += ["--build-arg", "PIP_NO_INDEX=1"]
        arguments += ["--build-context", f"wheels={options.wheels.resolve()}"]
    engine.build(options.tag, ROOT, arguments)


def reachable_base(engine: Engine) -> str:
    """The Dockerfile's base; or, where no registry can be reached, one made of Debian's packages.

    Raises:
        EngineError: there is no registry, and no debootstrap either.
    """
    if engine.has_image(DEFAULT_BASE):
        return DEFAULT_BASE
    if not engine.has_image(DEBIAN_BASE):
        _make_debian_base(engine)
    return DEBIAN_BASE


def _make_debian_base(engine: Engine) -> None:
    """Debian 12 with its Python 3.11, which is called `python` as in the Dockerfile's base."""
    if shutil.which("debootstrap") is None:
        raise EngineError(f"{DEFAULT_BASE} cannot be fetched, and debootstrap is not installed")
    with tempfile.TemporaryDirectory() as folder:
        root, archive = Path(folder, "root"), Path(folder, "root.tar")
        done = subprocess.run(
            [*_DEBIAN, "bookworm", str(root)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineError(f"debootstrap has failed: {done.stdout[-2000:]}{done.stderr}")
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        # As in the Dockerfile's base, pip may install for the whole system.
        (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink()
        for unused in _UNUSED:
            shutil.rmtree(root / unused)
            (root / unused).mkdir()
        subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)  # noqa: S607
        engine.import_image(archive, DEBIAN_BASE)


if __name__ == "__main__":
    sys.exit(main())
