"""The inputs of a prediction as options: made from the contract, and short forms of prompts."""

import argparse
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sam2_video.core.errors import InputError, shown
from sam2_video.prediction.contract import InputSpec, contract
from sam2_video.prediction.fetch import existing_file, is_url

logger = logging.getLogger(__name__)

VIDEO = "input_video"
_CLICKS = ("click_coordinates", "click_labels", "click_frames", "click_object_ids")
_BOXES = ("box_coordinates", "box_frames", "box_object_ids")
PROMPTS = (*(name for name in _CLICKS if name != "click_object_ids"), *_BOXES, "input_masks")
"""What says where objects are. `click_object_ids` names the masks that `render` reads, too."""
_NEEDED: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "annotation_type": {"mask_type": ("highlighted",)},
    "video_fps": {"output_video": (True,), "keep_audio": (False,)},
    "output_format": {"output_video": (False,)},
    "output_quality": {"output_video": (False,), "output_format": ("webp", "jpg")},
    "video_format": {"output_video": (True,)},
    "keep_audio": {"output_video": (True,)},
    "mask_feather": {"mask_type": ("alpha", "greenscreen", "highlighted")},
    "background_color": {"mask_type": ("greenscreen",)},
}
"""The values of other inputs without which an input has no effect."""
_PROMPT = re.compile(r"(?P<numbers>[^@:]+)(?:@(?P<frame>[^:]*))?(?::(?P<name>.*))?", re.DOTALL)


class _Prompt(argparse.Action):
    """Keeps clicks and boxes in the order in which they are given."""

    def __call__(
        self, _: Any, namespace: argparse.Namespace, value: Any, option: str | None = None
    ) -> None:
        """Append the option and its value."""
        namespace.prompts = [*namespace.prompts, (option, value)]


def add_prompts(parser: argparse.ArgumentParser) -> None:
    """Declare the prompts' short forms, and an option for every input that is a prompt."""
    parser._negative_number_matcher = re.compile(r"-\.?[0-9]")  # also -1,3 is no option
    prompts = parser.add_argument_group(
        "prompts",
        "Clicks and boxes are in pixels; @FRAME counts from 0 and is 0 by default. Prompts of one "
        "NAME mark one object; each click without a name marks an object of its own.",
    )
    for option, form, text in (
        ("--click", "X,Y[@FRAME][:NAME]", "a point on an object; may be repeated"),
        ("--not-click", "X,Y[@FRAME][:NAME]", "a point that is not part of the object"),
        ("--box", "X1,Y1,X2,Y2[@FRAME][:NAME]", "a box around an object; may be repeated"),
    ):
        prompts.add_argument(option, action=_Prompt, dest="prompts", metavar=form, help=text)
    _add_options(prompts, PROMPTS)


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Declare an option for every input that is no prompt, and `-i NAME=VALUE`."""
    parser.set_defaults(prompts=[])
    inputs = parser.add_argument_group("inputs", "The same as -i NAME=VALUE.")
    inputs.add_argument(
        "-i",
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input by its name; a file is @path, a data URI or an http(s) URL",
    )
    _add_options(inputs, [name for name in contract().inputs if name not in (VIDEO, *PROMPTS)])
    inputs.add_argument(
        "--fps",
        metavar="N|source",
        help="frames a second of a video, as --video-fps; source: the source's frame times and "
        "its sound, as --keep-audio",
    )


def read_inputs(options: argparse.Namespace) -> dict[str, Any]:
    """The inputs that are given, by name; checked later, by the contract.

    Raises:
        InputError: an input is given twice, or a prompt cannot be read.
    """
    given: dict[str, Any] = {}
    for assignment in options.input:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"-i {shown(assignment)} should be written name=value")
        _set(given, name.strip(), text, f"-i {shown(name.strip())}")
    for name, spec in contract().inputs.items():
        value = getattr(options, name, None)
        if value is None or name == VIDEO:
            continue
        is_path = spec.is_file and not value.startswith("@") and not is_url(value)
        _set(given, name, f"@{value}" if is_path else value, _option(name))
    if options.fps == "source":
        _set(given, "keep_audio", True, "--fps source")
    elif options.fps is not None:
        _set(given, "video_fps", options.fps, "--fps")
    for name, value in _prompts(options.prompts).items():
        _set(given, name, value, options.prompts[0][0])
    return given


def complete_inputs(given: Mapping[str, Any]) -> dict[str, Any]:
    """All inputs of one prediction, checked; files as paths or URLs. Nothing is fetched yet.

    Raises:
        InputError: an input is unknown, missing or invalid.
    """
    if given.get("box_coordinates") or given.get("input_masks"):
        given = {"click_coordinates": "", **given}
    inputs = contract().complete(contract().parse(given))
    for name in contract().files:
        if inputs[name] is not None:
            inputs[name] = source_of(name, inputs[name])
    return inputs


def log_unused(given: Mapping[str, Any]) -> None:
    """Say in the log which of the given inputs have no effect, because of what others are.

    Args:
        given: the inputs that the user wrote, read as their types.
    """
    specs = contract().inputs
    values = {name: given.get(name, spec.default) for name, spec in specs.items()}
    for name, needed in _NEEDED.items():
        if values[name] == specs[name].default:
            continue
        for other, wanted in needed.items():
            if values[other] not in wanted:
                value, *right = (str(v).lower() for v in (values[other], *wanted))
                logger.info(
                    "%s has no effect with %s %s: it needs %s",
                    name,
                    other,
                    value,
                    " or ".join(right),
                )
                break


def common_inputs(options: argparse.Namespace) -> dict[str, Any]:
    """The inputs that are given for every job of a batch, as a manifest writes them.

    Raises:
        InputError: an input is unknown or invalid.
    """
    given = contract().parse(read_inputs(options))
    contract().complete({VIDEO: "", "click_coordinates": "", **given})
    files = contract().files
    return {k: v.removeprefix("@") if k in files else v for k, v in given.items()}


def source_of(name: str, value: str | Path) -> Path | str:
    """A local file as a path, or a URL to fetch it from.

    The user of the command line may name any file; a client of the server may not.

    Raises:
        InputError: there is no such file.
    """
    if isinstance(value, Path):
        return existing_file(name, str(value), str(value))
    if is_url(value):
        return value
    if not value.startswith("@"):
        raise InputError(
            f"{name} is {shown(value)}, but it should be @file, a data URI or an http(s) URL"
        )
    return existing_file(name, value, value[1:])


def _set(given: dict[str, Any], name: str, value: Any, source: str) -> None:
    if name in given:
        raise InputError(
            f"{source} is given twice, but every input has one value"
            if source.endswith(f"{name}'")
            else f"{source} sets {name}, which is given already: every input has one value"
        )
    given[name] = value


def _add_options(group: Any, names: Iterable[str]) -> None:
    for name in names:
        group.add_argument(_option(name), dest=name, **_declaration(contract().inputs[name]))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _declaration(spec: InputSpec) -> dict[str, Any]:
    """How argparse declares an input. Values are checked later, for the contract's sentences."""
    text = spec.description.replace("%", "%%")
    if spec.default not in (None, ""):
        text += f" (default: {str(spec.default).lower()})"
    if spec.type == "boolean":
        return {"action": argparse.BooleanOptionalAction, "help": text}
    kind = "PATH" if spec.is_file else "N" if spec.type == "integer" else "TEXT"
    return {"metavar": f"{{{','.join(spec.choices)}}}" if spec.choices else kind, "help": text}


def _prompts(prompts: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Clicks and boxes in their short forms as the inputs that they stand for."""
    clicks: list[tuple[str, ...]] = []
    boxes: list[tuple[str, ...]] = []
    for option, text in prompts:
        count = 4 if option == "--box" else 2
        found = _PROMPT.fullmatch(text.strip())
        numbers = found["numbers"].split(",") if found else []
        frame = "0" if not found or found["frame"] is None else found["frame"].strip()
        if found is None or len(numbers) != count or not frame.isdecimal():
            form = "X1,Y1,X2,Y2" if count == 4 else "X,Y"
            raise InputError(
                f"{option} is {shown(text)}, but it should be {form}, {form}@FRAME or "
                f"{form}@FRAME:NAME"
            )
        coordinates = f"[{','.join(number.strip() for number in numbers)}]"
        label = str(int(option == "--click"))
        row = coordinates, label, frame, (found["name"] or "").strip()
        (boxes if count == 4 else clicks).append(row)
    given = {}
    for names, rows in ((_CLICKS, clicks), (_BOXES, [(c, f, n) for c, _, f, n in boxes])):
        for name, column in zip(names, zip(*rows, strict=True), strict=False):
            if not name.endswith("ids"):
                given[name] = ",".join(column)
            elif any(column):
                given[name] = json.dumps(column)
    return given
