"""The commands and their options. Nothing here needs a package: `download` runs without any."""

import argparse
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sam2_video import __version__
from sam2_video.batch.command import add_batch, batch
from sam2_video.cli.frame import write_frame
from sam2_video.cli.inputs import add_inputs, add_prompts, common_inputs
from sam2_video.cli.models import model_table
from sam2_video.cli.runs import predict, render
from sam2_video.core.errors import SettingError
from sam2_video.core.stdio import print_line
from sam2_video.models.download import PUBLISHED, download_all
from sam2_video.service.command import add_serve

COMMAND = "sam2-video"
SHELLS = ("bash", "zsh", "tcsh")
Commands = Any
"""What `add_subparsers` returns; argparse has no public name for it."""


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command, and as `run` the function that runs it.

    Clips may stand before, between and behind the options.
    """
    parser, commands = _parser()
    options, rest = parser.parse_known_args(arguments)
    unknown = rest if not hasattr(options, "clips") else [w for w in rest if w.startswith("-")]
    if unknown:
        command: argparse.ArgumentParser = commands.choices[options.command]
        name = unknown[0].partition("=")[0]
        close = get_close_matches(name, re.findall(r"--[a-z-]+", command.format_help()), n=1)
        hint = f" (is {close[0]} meant?)" if close else ""
        command.error(f"unrecognized arguments: {' '.join(rest)}{hint}")
    if rest:
        options.clips += rest
    return options


class _ListModels(argparse.Action):
    """Prints the models and exits, as `--version` does."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any) -> None:
        super().__init__(
            option_strings,
            dest,
            nargs=0,
            default=argparse.SUPPRESS,
            help="list the models: what is here, what can be fetched, which one would run",
        )

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print the table."""
        print_line(model_table())
        parser.exit()


def _parser() -> tuple[argparse.ArgumentParser, Commands]:
    is_installed = Path(sys.argv[0]).name == COMMAND
    program = COMMAND if is_installed else "python -m sam2_video"
    parser = argparse.ArgumentParser(
        prog=program, description="Cut clicked objects out of a video."
    )
    parser.add_argument("--version", action="version", version=f"{COMMAND} {__version__}")
    parser.add_argument("--list-models", action=_ListModels)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_predict(commands, program)
    _add_render(commands, program)
    _add_frame(commands, program)
    many = add_batch(commands)
    add_prompts(many)
    add_inputs(many)
    many.set_defaults(run=lambda options: batch(options, common_inputs(options)))
    add_serve(commands)
    _add_download(commands)
    _add_completion(commands, parser)
    return parser, commands


def _path(text: str) -> Path:
    if not text.strip():  # `Path` would take it as the working folder
        raise argparse.ArgumentTypeError(f"{text!r} should be a path")
    return Path(text)


def _add_predict(commands: Commands, program: str) -> None:
    parser = commands.add_parser(
        "predict",
        help="cut objects out of clips",
        description="Cut objects out of clips and print the paths of the results, one per line. "
        "The results of clip.mp4 go to out/clip/.",
        epilog=f"example: {program} predict clip.mp4 --click 320,180:dog --mask-type highlighted "
        f"--output-video. To find a pixel: {program} frame clip.mp4 48, or the page of "
        f"{program} serve.",
        usage="%(prog)s [OPTION ...] CLIP ...",
        allow_abbrev=False,
    )
    parser.set_defaults(run=predict)
    _add_clips(parser)
    _add_run_options(parser)
    parser.add_argument("--model", metavar="NAME", help="the model; see --list-models")
    parser.add_argument(
        "--device", metavar="NAME", help="cpu, cuda or cuda:1 (default: cuda if there is a GPU)"
    )
    parser.add_argument("--list-models", action=_ListModels)
    add_prompts(parser)
    add_inputs(parser)


def _add_render(commands: Commands, program: str) -> None:
    parser = commands.add_parser(
        "render",
        help="make another form of the masks of an earlier run",
        description="Render masks that are already there, without a model, and print the paths of "
        "the files, one per line.",
        epilog=f"example: {program} render clip.mp4 --masks out/clip --mask-type alpha "
        "--output-video --video-format mov -o final",
        usage="%(prog)s --masks PATH [OPTION ...] CLIP ...",
        allow_abbrev=False,
    )
    parser.set_defaults(run=render)
    _add_clips(parser)
    parser.add_argument(
        "--masks",
        required=True,
        type=_path,
        metavar="PATH",
        help="a folder or zip of PNGs that mask_type=indexed wrote, or a masks.json",
    )
    _add_run_options(parser)
    add_inputs(parser)


def _add_clips(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "clips",
        nargs="*",
        metavar="CLIP",
        help="a video or picture: a path, an http(s) URL, a folder of videos, a pattern in quotes, "
        "or - for standard input",
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        default="out",
        type=_path,
        metavar="FOLDER",
        help="results go to a folder in here that is named after the clip (default: out)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the result of an earlier run; other files stay as they are",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, but run no model, write nothing"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON a clip: input, files, objects, frames, seconds, or error",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print no progress, only warnings and errors"
    )


def _add_frame(commands: Commands, program: str) -> None:
    parser = commands.add_parser(
        "frame",
        help="write one frame of a clip as a picture, to look up pixels in",
        description="Write one frame of a clip as the model sees it, and print the path. An image "
        "viewer shows the pixel under the pointer; that is what --click takes.",
        epilog=f"example: {program} frame clip.mp4 48 -o frame.png",
    )
    parser.set_defaults(run=write_frame)
    parser.add_argument("clip", metavar="CLIP", help="a path, an http(s) URL, or -")
    parser.add_argument(
        "number", metavar="FRAME", nargs="?", default="0", help="from 0 (default: 0)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=_path,
        metavar="FILE",
        help="a .png, .jpg or .webp file (default: clip_frame_00048.png)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")


def _add_download(commands: Commands) -> None:
    parser = commands.add_parser(
        "download",
        help="fetch Meta's weights",
        description="Fetch Meta's SAM 2.1 weights (Apache-2.0) and print their paths, one per "
        "line. An interrupted download is resumed by the same command.",
    )
    parser.set_defaults(run=_download)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        default=["large"],
        help=f"any of {', '.join(PUBLISHED)} (default: large)",
    )


def _download(options: argparse.Namespace) -> int:
    for path in download_all(options.names):
        print_line(path)
    return 0


def _add_completion(commands: Commands, whole: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "completion",
        help="print a script that completes commands and options in a shell",
        description="Print a completion script for a shell.",
        epilog=f'bash: eval "$({COMMAND} completion bash)" in ~/.bashrc',
    )
    parser.add_argument("shell", choices=SHELLS)

    def complete(options: argparse.Namespace) -> int:
        try:
            import shtab
        except ModuleNotFoundError as error:
            raise SettingError("completion needs shtab, which is not installed") from error
        whole.prog = COMMAND
        print_line(shtab.complete(whole, options.shell))
        return 0

    parser.set_defaults(run=complete)
