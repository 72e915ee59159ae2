"""Which files the training material may be taken from."""

import struct
import zlib

import numpy as np
import pytest

from training.containers import qt_resources
from training.licences import parse_copyright, terms_of
from training.materials import STAMPS_NOT, photographed

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020, Everybody
License: GPL-3+

Files: photos/*.jpg
       photos/*.webp
Copyright: 2019, A. Walker
License: CC-BY-4.0

Files: photos/goat.jpg
Copyright: 2018, B. Herder
License: CC-BY-SA-4.0
Comment: kept apart

Files: sounds/a.wav
Copyright: 2017, C. Singer
License: CC0-1.0 and CC-BY-3.0

License: CC-BY-4.0
 The text of it.
"""


@pytest.mark.parametrize(
    ("path", "licence", "free"),
    [
        ("photos/hill.jpg", "CC-BY-4.0", True),
        ("photos/hill.webp", "CC-BY-4.0", True),
        ("photos/goat.jpg", "CC-BY-SA-4.0", False),
        ("main.c", "GPL-3+", False),
        ("sounds/a.wav", "CC0-1.0 and CC-BY-3.0", False),
    ],
)
def test_the_last_paragraph_that_names_a_file_rules(path, licence, free):
    terms = terms_of(path, parse_copyright(COPYRIGHT))
    assert (terms.licence, terms.free) == (licence, free)


def test_holder_is_kept_for_the_credits():
    assert terms_of("photos/hill.jpg", parse_copyright(COPYRIGHT)).holder == "2019, A. Walker"


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "CC-BY-SA-3.0", "GPL-2", "free-art", ""])
def test_copyleft_and_non_commercial_are_left_out(licence):
    (terms,) = parse_copyright(f"Files: *\nCopyright: x\nLicense: {licence}\n")
    assert not terms.free


def test_qt_resources_reads_plain_and_compressed_files():
    names = [_name("pictures"), _name("a.jpg"), _name("b.jpg")]
    starts = [0, len(names[0]), len(names[0]) + len(names[1])]
    packed = struct.pack(">I", 4) + zlib.compress(b"bbbb")
    blobs = [struct.pack(">I", 3) + b"aaa", struct.pack(">I", len(packed)) + packed]
    tree = _node(0, 2, 1, 1) + _node(starts[0], 2, 2, 2)
    tree += _node(starts[1], 0, 0, 0) + _node(starts[2], 1, 0, len(blobs[0]))
    data_at = 20 + len(tree)
    names_at = data_at + sum(map(len, blobs))
    bundle = struct.pack(">4sIIII", b"qres", 3, 20, data_at, names_at)
    bundle += tree + b"".join(blobs) + b"".join(names)
    assert dict(qt_resources(bundle)) == {"pictures/a.jpg": b"aaa", "pictures/b.jpg": b"bbbb"}


def _name(text):
    return struct.pack(">HI", len(text), 0) + text.encode("utf-16-be")


def _node(name, flags, first, second):
    """A directory holds (count, first child); a file (locale, offset of its data)."""
    return struct.pack(">IHIIQ", name, flags, first, second, 0)


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("animals/mammals/camel.png", False),
        ("symbols/money/us/coins/001penny.png", True),
        ("animals/birds/helmeted_guineafowl.png", True),
        ("seasonal/christmas/German_Christmas_toy.png", True),
    ],
)
def test_stamps_under_other_terms_are_left_out(name, left_out):
    assert bool(STAMPS_NOT.search(name)) is left_out


def test_photographs_and_drawings_are_distinguished():
    rng = np.random.default_rng(0)
    solid = np.full((32, 32, 1), 255, np.uint8)
    grain = rng.integers(90, 110, (32, 32, 3), np.uint8)
    plain = np.full((32, 32, 3), 100, np.uint8)
    assert photographed(np.dstack([grain, solid]))
    assert not photographed(np.dstack([plain, solid]))
    assert not photographed(grain)  # nothing is cut out
    assert not photographed(np.dstack([grain, 0 * solid]))
