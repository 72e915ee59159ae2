"""Gather the training images: freely licensed cut-outs and photographs from public packages.

    python -m training.materials

Downloads and unpacks the packages into `training/assets/`, selects every image whose own licence
asks for credit at most, and writes the library that the clips are made of together with
`training/CREDITS.md`, one line per file.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.containers import first_jpeg, panorama, qt_resources
from training.inputs import MissingMaterialError
from training.licences import Terms, parse_copyright, terms_of
from training.textures import Image

HERE = Path(__file__).parent
DEBIAN = (
    "openclipart-png",
    "lomiri-wallpapers-16.04",
    "gcompris-qt-data",
    "enlightenment-data",
    "python3-skimage",
    "tuxpaint-stamps-default",
)
PROGRAMS = ("apt-get", "dpkg", "npm")
NPM = ("@lobehub/fluent-emoji-3d@1.1.0", "@pmndrs/assets@1.7.0")
CUTOUT_SIDE = 224
PHOTO_SIDE = 640
CLIPART = {
    "animals",
    "buildings",
    "education",
    "food",
    "geography",
    "household",
    "office",
    "people",
    "plants",
    "recreation",
    "science",
    "tools",
    "transportation",
    "unsorted",
}
CLIPART_NOT = re.compile(r"flags|roadsigns|symbols|cards|maps|stickmen|icons|domino|notes")
EMOJI_NOT = re.compile(r"1f1[e-f]|[0-9a-f]{2}-fe0f|e[0-9]|1f53|1f55|1f17|1f19|1f2|27|2b|21|23|203")
STAMPS_NOT = re.compile(
    r"^symbols/|helmeted_guineafowl|christmas_pudding|lightbulb|apricot_whole|cherry_stella"
    r"|strawberry2|woodlouse|brown_slug|german_christmas_toy|pelican|heron|inukshuk|adeenia"
    r"|anthoorium|appooppanthady|bolsom|chemparathi|chuvanna_plastic_poo",
    re.IGNORECASE,
)
"""Signs and letters, and the stamps that their change log names as under the GFDL or CC BY-SA."""
FLAT = 0.3
"""A picture in which a larger share of pixels equals its neighbour is drawn, not photographed."""
SKIMAGE = {
    "astronaut.png": "public domain (NASA)",
    "brick.png": "CC0-1.0 (CC0Textures)",
    "chelsea.png": "CC0-1.0 (Stefan van der Walt)",
    "coffee.png": "CC0-1.0 (Rachel Michetti)",
    "grass.png": "CC0-1.0 (linolafett)",
    "gravel.png": "CC0-1.0 (CC0Textures)",
    "hubble_deep_field.jpg": "public domain (NASA)",
    "rocket.jpg": "public domain (SpaceX)",
}
"""The photographs of scikit-image whose docstrings in `skimage.data` state free terms."""


@dataclass(frozen=True)
class Item:
    """One image of the library and its terms. BGR, or BGRA for a cut-out."""

    image: Image
    source: str
    path: str
    licence: str
    holder: str


def fetch(assets: Path) -> None:
    """Download and unpack what is not there yet.

    Raises:
        MissingMaterialError: a program is not installed.
    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise MissingMaterialError(
            f"Gathering the images needs {', '.join(missing)}; install it first"
        )
    assets.mkdir(parents=True, exist_ok=True)
    for name in DEBIAN:
        if not (assets / name).exists():
            print(f"downloading {name}; all Debian packages together are 0.8 GB", file=sys.stderr)
            subprocess.run(["apt-get", "download", name], cwd=assets, check=True)  # noqa: S607
            (archive,) = assets.glob(f"{name}_*.deb")
            subprocess.run(["dpkg", "-x", archive.name, name], cwd=assets, check=True)  # noqa: S607
            archive.unlink()
    for name in NPM:
        target = assets / _npm_folder(name)
        if not target.exists():
            print(f"downloading {name} from npm", file=sys.stderr)
            command = ["npm", "pack", "--json", name]
            reply = subprocess.run(command, cwd=assets, check=True, capture_output=True)
            archive = assets / json.loads(reply.stdout)[0]["filename"]
            with tarfile.open(archive) as packed:
                packed.extractall(target, filter="data")
            archive.unlink()


def _npm_folder(name: str) -> str:
    return name.rsplit("@", 1)[0].strip("@").replace("/", "-")


def clean_cutout(image: Image | None) -> Image | None:
    """Crop and scale a cut-out; None if it is not one solid object on a transparent background."""
    if image is None or image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
        return None
    solid = image[..., 3] > 127
    if solid.sum() < 1500:
        return None
    rows, columns = np.where(solid.any(1))[0], np.where(solid.any(0))[0]
    image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    solid = image[..., 3] > 127
    height, width = solid.shape
    if not 0.12 < solid.mean() < 0.93 or max(height, width) > 5 * min(height, width):
        return None
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8))
    if stats[1:, cv2.CC_STAT_AREA].max() < 0.85 * solid.sum():
        return None
    return _scaled(image, CUTOUT_SIDE / max(height, width))


def clean_photo(image: Image | None) -> Image | None:
    """Scale a photograph to `PHOTO_SIDE` on its shorter side; None if it is too small."""
    if image is None or min(image.shape[:2]) < 200:
        return None
    scale = PHOTO_SIDE / min(image.shape[:2])
    return _scaled(image, min(scale, 1.5))[:, : 3 * PHOTO_SIDE]


def _scaled(image: Image, scale: float) -> Image:
    size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=method)


def clipart(assets: Path) -> Iterator[Item]:
    """Drawings of things from the Open Clip Art Library, all dedicated to the public domain."""
    root = assets / "openclipart-png/usr/share/openclipart/png"
    for path in sorted(root.rglob("*.png")):
        name = path.relative_to(root).as_posix()
        if name.split("/")[0] not in CLIPART or CLIPART_NOT.search(name):
            continue
        cutout = clean_cutout(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        if cutout is not None:
            yield Item(cutout, "openclipart-png", name, "public-domain", "Open Clip Art Library")


def emoji(assets: Path) -> Iterator[Item]:
    """Rendered emoji: people, animals, food, things. No flags, letters or clock faces."""
    name = _npm_folder(NPM[0])
    for path in sorted((assets / name).rglob("*.webp")):
        if EMOJI_NOT.match(path.stem):
            continue
        cutout = clean_cutout(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        if cutout is not None:
            yield Item(cutout, name, path.name, "MIT", "Microsoft (Fluent Emoji), LobeHub")


def stamps(assets: Path) -> Iterator[Item]:
    """Photographs of animals, plants, vehicles and things, cut out by hand, of Tux Paint."""
    package = "tuxpaint-stamps-default"
    root = assets / package / "usr/share/tuxpaint/stamps"
    (terms, *_) = _terms(assets, package)
    for path in sorted(root.rglob("*.png")):
        name = path.relative_to(root).as_posix()
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if STAMPS_NOT.search(name) or image is None or not photographed(image):
            continue
        cutout = clean_cutout(image)
        if cutout is not None:
            yield Item(cutout, package, name, terms.licence, "contributors of Tux Paint")


def photographed(image: Image) -> bool:
    """Whether a cut-out is a photograph: drawings have plain areas."""
    if image.ndim != 3 or image.shape[2] != 4:
        return False
    solid = (image[:, 1:, 3] > 127) & (image[:, :-1, 3] > 127)
    same = (image[:, 1:, :3] == image[:, :-1, :3]).all(-1)
    return bool(solid.any()) and same[solid].mean() < FLAT


def wallpapers(assets: Path) -> Iterator[Item]:
    """Photographs of the Lomiri desktop that are freely licensed."""
    package = "lomiri-wallpapers-16.04"
    terms = _terms(assets, package)
    for path in sorted((assets / package / "usr/share/backgrounds").glob("*.jpg")):
        entry = terms_of(f"16.04/{path.name}", terms)
        photo = clean_photo(cv2.imread(str(path)))
        if entry is not None and entry.free and photo is not None:
            yield Item(photo, package, path.name, entry.licence, entry.holder)


def themes(assets: Path) -> Iterator[Item]:
    """Photographs of the Enlightenment desktop, under its BSD licence."""
    package = "enlightenment-data"
    terms = _terms(assets, package)
    folder = assets / package / "usr/share/enlightenment/data/backgrounds"
    for path in sorted(folder.glob("*.edj")):
        entry = terms_of(f"data/backgrounds/{path.name}", terms)
        photo = clean_photo(first_jpeg(path.read_bytes()))
        if entry is not None and entry.free and photo is not None:
            yield Item(photo, package, path.name, entry.licence, entry.holder)


def lessons(assets: Path) -> Iterator[Item]:
    """Photographs of the GCompris activities, each by its own paragraph of the copyright file."""
    package = "gcompris-qt-data"
    terms = _terms(assets, package)
    for bundle in sorted((assets / package).rglob("*.rcc")):
        for path, content in qt_resources(bundle.read_bytes()):
            if not path.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
                continue
            name = path.removeprefix("/").removeprefix("gcompris/")
            entry = _lesson_terms(name, terms)
            if entry is None or not entry.free:
                continue
            image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
            cutout = clean_cutout(image)
            if cutout is not None:
                yield Item(cutout, package, name, entry.licence, entry.holder)
            elif image is not None and image.ndim == 3 and image.shape[2] == 3:
                photo = clean_photo(image)
                if photo is not None:
                    yield Item(photo, package, name, entry.licence, entry.holder)


def _lesson_terms(name: str, terms: list[Terms]) -> Terms | None:
    """The terms of a file; the copyright file names the JPEG or PNG that a WebP was made from."""
    stem = name.rsplit(".", 1)[0]
    for suffix in (name.rsplit(".", 1)[1], "jpg", "png", "jpeg"):
        entry = terms_of(f"{stem}.{suffix}", [t for t in terms if t.patterns != ("*",)])
        if entry is not None:
            return entry
    return None


def samples(assets: Path) -> Iterator[Item]:
    """Sample photographs of scikit-image."""
    package = "python3-skimage"
    folder = assets / package / "usr/lib/python3/dist-packages/skimage/data"
    for name, licence in SKIMAGE.items():
        photo = clean_photo(cv2.imread(str(folder / name)))
        if photo is not None:
            yield Item(photo, package, name, licence, "see skimage.data")


def panoramas(assets: Path) -> Iterator[Item]:
    """Small panoramas of places, for blurred backgrounds."""
    name = _npm_folder(NPM[1])
    for path in sorted((assets / name / "package/hdri").glob("*.exr.js")):
        match = re.search(r"base64,([A-Za-z0-9+/=]+)", path.read_text())
        if match:
            view = panorama(base64.b64decode(match.group(1)), 256, 512)[48:208]
            photo = cv2.resize(view, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
            yield Item(photo, name, f"hdri/{path.name}", "CC0-1.0", "Poly Haven")


SOURCES = (stamps, clipart, emoji, wallpapers, themes, lessons, samples, panoramas)


def _terms(assets: Path, package: str) -> list[Terms]:
    return parse_copyright((assets / package / f"usr/share/doc/{package}/copyright").read_text())


def write_library(items: list[Item], target: Path) -> None:
    """Write cut-outs as PNG and photographs as JPEG, and an index in their order."""
    target.mkdir(parents=True, exist_ok=True)
    index = []
    for number, item in enumerate(items):
        kind = "cutout" if item.image.shape[2] == 4 else "photo"
        name = f"{number:05d}.png" if kind == "cutout" else f"{number:05d}.jpg"
        options = [cv2.IMWRITE_JPEG_QUALITY, 95] if kind == "photo" else []
        cv2.imwrite(str(target / name), item.image, options)
        index.append({"file": name, "kind": kind, "source": item.source, "path": item.path})
    (target / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def credits_text(items: list[Item]) -> str:
    """CREDITS.md: how many files of each source and licence, then every file that needs credit."""
    lines = ["# Credits", "", "Written by `python -m training.materials`.", ""]
    lines += ["| source | licence | files |", "| --- | --- | --- |"]
    counts = Counter((item.source, item.licence) for item in items)
    lines += [f"| {source} | {licence} | {n} |" for (source, licence), n in sorted(counts.items())]
    bulk = {"tuxpaint-stamps-default", "openclipart-png", _npm_folder(NPM[0]), _npm_folder(NPM[1])}
    lines += ["", "## Files with terms of their own", ""]
    lines += [
        f"- `{item.path}` ({item.source}): {item.licence}. {item.holder}"
        for item in items
        if item.source not in bulk
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fetch, clean, write the library and the credits."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--assets",
        type=Path,
        default=HERE / "assets",
        help="folder for the packages and, in `library`, the images",
    )
    arguments = parser.parse_args()
    try:
        fetch(arguments.assets)
    except (MissingMaterialError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
    items = [item for source in SOURCES for item in source(arguments.assets)]
    write_library(items, arguments.assets / "library")
    (HERE / "CREDITS.md").write_text(credits_text(items))
    print(Counter(item.source for item in items))


if __name__ == "__main__":
    main()
