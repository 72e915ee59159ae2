"""The command `batch`: its options, and what they come to. Ray is imported when it runs."""

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sam2_video.core.errors import BatchError

if TYPE_CHECKING:
    from sam2_video.batch.jobs import Worker

NEEDED = ("ray", "pyarrow", "pandas", "fsspec")


def add_batch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "batch",
        help="run many predictions, on this machine or on a Ray cluster",
        description="Run every prediction of a list. Run again, it skips those that succeeded.",
        epilog="Each line of a .jsonl file holds the inputs of one prediction, input_video being "
        "a path or an address, and perhaps an id; .csv and .parquet have a column for each.",
    )
    parser.add_argument("manifest", help="the list of jobs: a .jsonl, .csv or .parquet file")
    parser.add_argument(
        "-o",
        "--output",
        default="results",
        metavar="PLACE",
        help="where results go: a folder, or s3://bucket/path, gs://bucket/path (results)",
    )
    parser.add_argument(
        "--address",
        default=os.environ.get("RAY_ADDRESS") or None,
        help="a Ray cluster: ray://host:10001, host:6379 or auto (RAY_ADDRESS, else none: "
        "Ray runs on this machine as long as the batch)",
    )
    parser.add_argument(
        "--workers",
        type=_positive,
        metavar="N",
        help="workers, each with a model of its own (as many as fit)",
    )
    parser.add_argument(
        "--workers-per-gpu",
        type=_positive,
        metavar="N",
        help="that share a GPU; given, every worker asks for one (1 where the cluster has GPUs)",
    )
    parser.add_argument("--cores", type=_positive, metavar="N", help="CPU cores of a worker (2)")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="validate every line, without a model and without results",
    )


def batch(options: argparse.Namespace) -> bool:
    """Run the command; whether all jobs have succeeded.

    Raises:
        BatchError, CheckpointError, OutputError: it cannot be run.
        BaseException: what the handler of a signal raises, once the batch has ended in order.
    """
    try:
        from sam2_video.batch import driver
        from sam2_video.batch.jobs import FAILED, SUCCEEDED
        from sam2_video.batch.manifest import kind_of, open_manifest
        from sam2_video.batch.results import JOURNAL
        from sam2_video.batch.storage import open_store
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise BatchError(
            f"batch needs {error.name}, which is not installed: pip install .[batch]"
        ) from error

    kind_of(options.manifest)
    with driver.Interruption() as interruption, tempfile.TemporaryDirectory() as nowhere:
        place = nowhere if options.dry_run else _absolute(options.output)
        store = open_store(place)
        with (
            store.alone(),
            driver.ray_cluster(options.address, interruption),
            open_manifest(options.manifest) as manifest,
        ):
            per_gpu = 0 if options.dry_run else options.workers_per_gpu
            size = driver.size_of(options.cores, per_gpu, options.workers)
            make = _checker if options.dry_run else partial(_segmenter, place, size.cores)
            counts = driver.run_batch(manifest, store, make, size, interruption.is_asked_for)
    done, failed, skipped = counts[SUCCEEDED], counts[FAILED], counts[driver.SKIPPED]
    verb = "are valid" if options.dry_run else "succeeded"
    print(f"{done} {verb}, {failed} failed, {skipped} skipped", file=sys.stderr)
    if not options.dry_run:
        print(f"{options.output.rstrip('/')}/{JOURNAL}")
    return not failed


def _segmenter(place: str, threads: int) -> "Worker":
    """Made in an actor: the driver never imports torch."""
    from sam2_video.batch.worker import Segmenter

    return Segmenter(place, threads)


def _checker() -> "Worker":
    from sam2_video.batch.worker import Checker

    return Checker()


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).absolute())


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} should be a whole number above 0")
    return int(text)
