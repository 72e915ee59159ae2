"""Running modules on OpenVINO, Intel's library for inference on CPUs.

A module is traced, converted and compiled for the processor at hand. That takes seconds, so results
are kept in a cache folder, which can be deleted at any time.
"""

import hashlib
import locale
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

# Importing OpenVINO reports to Intel where its telemetry package, which it requires, is found. A
# tool for private videos reports nothing: with None here, that package cannot be imported.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

DYNAMIC = -1
"""The length of a dimension that differs from call to call."""
MAX_CACHED = 16
"""Modules in the cache folder; the one that was not loaded for the longest time goes first."""


@dataclass(frozen=True)
class Part:
    """A module to run on OpenVINO.

    Attributes:
        module: takes tensors and returns a tensor or a tuple of tensors.
        example: float32 inputs to trace it with; short ones where dimensions are dynamic.
        shapes: the shape of each input, with `DYNAMIC` for dimensions that change.
        precision: of matmuls and convolutions, float32 or bfloat16; inputs and outputs are float32.
    """

    module: nn.Module
    example: tuple[Tensor, ...]
    shapes: tuple[tuple[int, ...], ...]
    precision: torch.dtype


_converting = Lock()
"""Held while a module is converted or the cache folder changes: tracing is not thread-safe."""


class CompiledPart:
    """A compiled module: takes float32 tensors on the CPU, returns new ones."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._lock = Lock()  # a request has one set of inputs and outputs

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """The module's outputs in order; the shapes of inputs are those of the `Part`."""
        arrays = [x.detach().contiguous().numpy() for x in inputs]
        with self._lock:
            outputs = self._request.infer(arrays, share_inputs=True)
        return [torch.from_numpy(x) for x in outputs.values()]


@cache
def core() -> Any | None:
    """OpenVINO's entry point; None where it is not installed or does not serve the processor."""
    if find_spec("openvino") is None:
        return None
    from openvino import Core

    found = Core()
    return found if "CPU" in found.available_devices else None


def prefers_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, which are faster than float32."""
    runtime = core()
    return runtime is not None and "BF16" in runtime.get_property(
        "CPU", "OPTIMIZATION_CAPABILITIES"
    )


@contextmanager
def locked(folder: Path | None) -> Iterator[None]:
    """Keep other processes from compiling into a cache folder: OpenVINO would read half a file.

    Does nothing where the folder cannot be written or is None.
    """
    with ExitStack() as stack:
        if folder is not None:
            with suppress(OSError):
                folder.mkdir(0o700, parents=True, exist_ok=True)
                flock(stack.enter_context((folder / "lock").open("w")), LOCK_EX)
        yield


@contextmanager
def kept_locale() -> Iterator[None]:
    """Restore the locale of the process when the block ends.

    OpenVINO sets it to "C" while it reads or writes a model; two threads that do so at once leave
    it there, and Python would then read and write text files as ASCII.
    """
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


def compile_part(part: Part, folder: Path | None) -> CompiledPart:
    """Compile a part, with what the cache holds of it; several threads may each compile one.

    Args:
        part: what to compile.
        folder: the cache folder, made if needed; None for no cache.
    """
    if folder is not None:
        try:
            return CompiledPart(_compile_cached(part, folder))
        except OSError as error:
            _log_once(logging.WARNING, f"compiled modules are not cached: {error}")
    with tempfile.TemporaryDirectory() as temporary:
        return CompiledPart(_compile_cached(part, Path(temporary)))


@cache
def _log_once(level: int, message: str) -> None:
    """Once for all parts."""
    logger.log(level, "%s", message)


def _compile_cached(part: Part, folder: Path) -> Any:
    """Compile from the converted module in the cache, which is put there first if it is not.

    OpenVINO keeps the compiled form beside it. Each precision has an entry of its own: OpenVINO
    would take a compiled form for that of another precision.
    """
    from openvino import save_model

    entry = folder / _key(part)
    with _converting:
        if not entry.is_dir():
            # Of the largest network it takes up to a minute.
            _log_once(logging.INFO, "compiling the model for this processor, once")
            folder.mkdir(0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as unfinished:
                source = Path(unfinished) / entry.name
                save_model(_convert(part), source / "part.xml", compress_to_fp16=False)
                source.rename(entry)
        entry.touch()
        entries = folder.glob("*-torch.*")
        others = sorted(entries, key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[MAX_CACHED:]:
            rmtree(path, ignore_errors=True)
    compiled = _compile(entry / "part.xml", part, CACHE_DIR=str(entry))
    if not compiled.get_property("LOADED_FROM_CACHE"):
        # What it loads computes with other rounding errors: every start has to give the same masks.
        compiled = _compile(entry / "part.xml", part, CACHE_DIR=str(entry))
    return compiled


def _key(part: Part) -> str:
    """What a cached part depends on, other than the processor, which OpenVINO checks itself."""
    code = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    packages = [version(name) for name in ("openvino", "torch", "sam2")]
    digest = hashlib.sha256(repr((code, packages, part.module, part.shapes)).encode())
    for name, value in part.module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.numpy().tobytes())
    return f"{digest.hexdigest()[:32]}-{part.precision}"


def _convert(part: Part) -> Any:
    """The part as an `openvino.Model`."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        # `torch.jit` is deprecated; branches that depend on shapes become constants.
        warnings.simplefilter("ignore")
        # As a function: for a module, the trace would rebuild each of its submodules in Python,
        # which takes longer than the rest. Weights become constants.
        part.module.requires_grad_(False)
        traced = torch.jit.trace(
            lambda *inputs: part.module(*inputs), part.example, check_trace=False, strict=False
        )
        decoder = TorchScriptPythonDecoder(traced, example_input=part.example)
        frontend = FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
    model.reshape({i: list(shape) for i, shape in enumerate(part.shapes)})
    return model


def _compile(model: Any, part: Part, **options: str) -> Any:
    """Compile a converted part, or the file that holds it."""
    runtime = core()
    assert runtime is not None
    return runtime.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if part.precision == torch.bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # processes would be pinned to the same cores
            **options,
        },
    )
