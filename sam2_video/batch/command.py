"""The `batch` command: its options, and how they start a batch."""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sam2_video.core.errors import BatchError
from sam2_video.core.stdio import print_line
from sam2_video.prediction.clips import check_prompted

if TYPE_CHECKING:
    from sam2_video.batch.jobs import Worker

NEEDED = ("ray", "pyarrow", "pandas", "fsspec")


def add_batch(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Declare the command and its options, except for inputs."""
    parser = commands.add_parser(
        "batch",
        help="run many predictions, on this machine or on a Ray cluster",
        description="Run every prediction of a list. Jobs that succeeded in an earlier run with "
        "the same output folder are skipped.",
        epilog="A .jsonl file has one JSON object per line, with the inputs of one prediction; "
        "input_video is a path or a URL, and id is optional. A .csv or .parquet file has one "
        "column per input. Of a folder, every video is a job. Inputs given as options hold for "
        "every job that does not have its own.",
        usage="%(prog)s [OPTION ...] MANIFEST",
        allow_abbrev=False,
    )
    parser.add_argument(
        "manifest",
        metavar="MANIFEST",
        help="the list of jobs: a .jsonl, .csv or .parquet file, a folder of videos, or a pattern "
        "in quotes",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="results",
        metavar="FOLDER",
        help="where results go: a folder, s3://bucket/path or gs://bucket/path (default: results)",
    )
    parser.add_argument(
        "--address",
        default=os.environ.get("RAY_ADDRESS") or None,
        help="a running Ray cluster: ray://host:10001, host:6379 or auto (default: RAY_ADDRESS; "
        "without it Ray is started on this machine and stopped at the end)",
    )
    parser.add_argument(
        "--workers",
        type=_positive,
        metavar="N",
        help="number of workers; each loads its own model (default: as many as fit)",
    )
    parser.add_argument(
        "--workers-per-gpu",
        type=_positive,
        metavar="N",
        help="workers that share one GPU; if given, every worker needs a GPU (default: 1 if the "
        "cluster has GPUs)",
    )
    parser.add_argument(
        "--cores", type=_positive, metavar="N", help="CPU cores per worker (default: 2)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check every job without running the model or writing results",
    )
    return parser


def batch(options: argparse.Namespace, inputs: Mapping[str, Any]) -> int:
    """Run the command; the exit code is 0 if all jobs have succeeded, else 1.

    Args:
        options: of the command line.
        inputs: hold for every job that does not have its own.

    Raises:
        BatchError, CheckpointError, InputError, OutputError: it cannot be run.
        BaseException: what a signal's earlier handler raises, once the batch has been closed.
    """
    try:
        from sam2_video.batch import driver
        from sam2_video.batch.jobs import FAILED, SUCCEEDED
        from sam2_video.batch.manifest import CLIPS, format_of, open_manifest
        from sam2_video.batch.results import JOURNAL
        from sam2_video.batch.storage import open_store
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise BatchError(
            f"batch needs {error.name}, which is not installed: pip install .[batch]"
        ) from error

    if format_of(options.manifest) == CLIPS:
        check_prompted(inputs)
    with driver.Interruption() as interruption, tempfile.TemporaryDirectory() as temporary:
        output = temporary if options.dry_run else options.output
        store = open_store(output)
        with (
            store.lock(),
            driver.ray_cluster(options.address, interruption),
            open_manifest(options.manifest, inputs) as manifest,
        ):
            per_gpu = 0 if options.dry_run else options.workers_per_gpu
            size = driver.size_of(options.cores, per_gpu, options.workers)
            real = partial(_segmenter, _absolute(output), size.cores)
            make = _checker if options.dry_run else real
            counts = driver.run_batch(manifest, store, make, size, interruption.is_asked_for)
    done, failed, skipped = counts[SUCCEEDED], counts[FAILED], counts[driver.SKIPPED]
    verb = "valid" if options.dry_run else "succeeded"
    print(f"{done} {verb}, {failed} failed, {skipped} skipped", file=sys.stderr)
    if not options.dry_run:
        print_line(f"{options.output.rstrip('/')}/{JOURNAL}")
    return int(failed > 0)


def _segmenter(output: str, threads: int) -> "Worker":
    """Called in an actor: the driver never imports torch."""
    from sam2_video.batch.worker import Segmenter

    return Segmenter(output, threads)


def _checker() -> "Worker":
    from sam2_video.batch.worker import Checker

    return Checker()


def _absolute(output: str) -> str:
    """Workers have another working folder."""
    return output if "://" in output else str(Path(output).absolute())


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} should be a whole number above 0")
    return int(text)
