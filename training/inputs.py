"""Checks of the arguments of the training commands."""

import argparse
from pathlib import Path


class MissingMaterialError(Exception):
    """Something that training needs is not there; the message is one sentence for the user."""


def existing_file(text: str) -> Path:
    """An argparse type: the path of a file that exists."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file")
    return path


def existing_folder(text: str) -> Path:
    """An argparse type: the path of a folder that exists."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return path
