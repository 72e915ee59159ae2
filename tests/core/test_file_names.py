"""Names of objects are safe and unique as names of files, on every system."""

import numpy as np
import pytest

from sam2_video.core.file_names import safe_names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dog", "dog"),
        ("the big dog", "the big dog"),
        ("object_1", "object_1"),
        ("mask.v2-final", "mask.v2-final"),
        ("Hund Ä", "Hund Ä"),
        ("Hund A\u0308", "Hund Ä"),
        ("犬", "犬"),
        ("🐶", "🐶"),
        ("", "object"),
        ("   ", "object"),
        ("..", "object"),
        (".hidden", "hidden"),
        ("~root", "root"),
        ("-rf", "rf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a/b\\c", "a_b_c"),
        ('a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"),
        ("100%", "100_"),
        ("end. ", "end"),
        ("a\x00b\nc\x7f", "a_b_c_"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("\ud800", "_"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com1", "_com1"),
        ("console", "console"),
    ],
)
def test_a_name_is_safe(name: str, expected: str) -> None:
    assert safe_names([name]) == [expected]


def test_long_names_are_cut_between_characters() -> None:
    (name,) = safe_names(["ä" * 500])
    assert name == "ä" * 40
    first, second = safe_names(["x" * 500, "x" * 500])
    assert first != second
    assert max(len(first), len(second)) < 100


def test_names_are_unique_without_regard_to_case() -> None:
    assert safe_names(["dog", "Dog", "dog_2", "dog"]) == ["dog", "Dog_2", "dog_2_2", "dog_3"]
    assert safe_names(["", "object", "/"]) == ["object", "object_2", "_"]
    assert safe_names(["STRASSE", "straße"]) == ["STRASSE", "straße_2"]


def test_any_names_can_be_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = np.random.default_rng(0)
    letters = [*'aAbB./\\:*?"<>|~- _%\x00\n\t', "ä", "İ", "ﬁ", "\u0301", "\u200b", "\ud834", "🐶"]
    for _ in range(200):
        names = [
            "".join(letters[k] for k in source.integers(len(letters), size=source.integers(8)))
            for _ in range(20)
        ]
        safe = safe_names(names)
        assert safe == safe_names(names)
        assert len({name.casefold() for name in safe}) == len(names)
        for name in safe:
            assert 0 < len(name.encode()) <= 100
            assert not set('/\\:*?"<>|\x00\n') & set(name)
            assert name[0] not in ". " and name[-1] not in ". "  # noqa: PT018
            assert name.isprintable()
    folder = tmp_path_factory.mktemp("names")
    for name in safe:
        (folder / name).mkdir()
    assert len(list(folder.iterdir())) == len(safe)
