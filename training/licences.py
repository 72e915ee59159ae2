"""Which files of a Debian package may be used, by its machine-readable copyright file."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

FREE = re.compile(
    r"public-domain|CC0(-1\.0)?|CC-BY-\d\.\d|BSD-[23]-clause|Expat|MIT|Apache-2\.0", re.IGNORECASE
)
"""Licences that ask for credit at most; no copyleft, share-alike or non-commercial ones."""


@dataclass(frozen=True)
class Terms:
    """One `Files:` paragraph: the patterns it names and their terms."""

    patterns: tuple[str, ...]
    licence: str
    holder: str

    @property
    def free(self) -> bool:
        """Whether the whole licence is one of `FREE`; "A and B" is not."""
        return FREE.fullmatch(self.licence) is not None


def parse_copyright(text: str) -> list[Terms]:
    """Read the `Files:` paragraphs of a DEP-5 copyright file, in order."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            match = re.match(r"([A-Za-z-]+):\s*(.*)", line)
            if match:
                name = match.group(1).lower()
                fields[name] = match.group(2)
            elif name and line.startswith((" ", "\t")):
                fields[name] += "\n" + line.strip()
        if "files" in fields and "license" in fields:
            holder = " ".join(fields.get("copyright", "").split())
            licence = fields["license"].partition("\n")[0].strip()
            found.append(Terms(tuple(fields["files"].split()), licence, holder))
    return found


def terms_of(path: str, terms: list[Terms]) -> Terms | None:
    """The terms of one file: as the format says, the last paragraph that names it wins."""
    for entry in reversed(terms):
        if any(fnmatchcase(path, pattern) for pattern in entry.patterns):
            return entry
    return None
