"""Replaying a network's kernels without launching them one by one.

A frame is hundreds of small kernels, and on a fast GPU Python takes longer to launch them than they
take to run. A CUDA graph records them once, for fixed shapes and addresses, and launches them all
in one go: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs. What may not be
recorded, or does not give the same, is computed as before.
"""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

EAGER_CALLS = 16
"""Calls of equal shapes in a row before they are recorded.

While the memory bank fills up, its shape changes with every frame: those are not worth a recording.
"""
MAX_SHAPES = 4
"""Recordings of one callable: each keeps its inputs and outputs in the GPU's memory for good."""
TOLERANCE = 0.02
"""Mean difference, by mean size: bfloat16 kernels may be chosen anew when they are recorded."""
_WARM_UPS = 3  # as in PyTorch's notes: libraries choose kernels and ask for memory first

Capture = Callable[[Callable[[], Any], torch.device], tuple[Callable[[], None], Any]]
"""Records what a call does: gives what does it again, and the outputs that are then written."""


class Graphed:
    """A callable of tensors that replays a recording wherever it has been called alike before.

    Tensors may lie in lists, tuples and dicts, in arguments and in what is returned; what else is
    among them has to be hashable. Everything that the callable reads besides (weights, cached
    positions) must stay where it is in memory, and what it does may depend on shapes only. All
    calls have to be on one stream, as PyTorch's default one.
    """

    def __init__(self, name: str, call: Callable[..., Any], capture: Capture | None = None) -> None:
        """Wrap a callable.

        Args:
            name: what it is, for the log.
            call: the callable.
            capture: how it is recorded; as a CUDA graph if None.
        """
        self._name = name
        self._call = call
        self._capture = capture or CudaCapture()
        self._recordings: dict[tuple, _Recording] = {}
        self._last: tuple | None = None
        self._repeats = 0
        self._gave_up = False
        self._lock = Lock()  # a recording has one set of inputs and outputs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the callable returns, in tensors of the caller's own."""
        if self._gave_up or not torch.is_inference_mode_enabled():
            return self._call(*args, **kwargs)
        with self._lock:
            key = _key((args, kwargs))
            if key in self._recordings:
                return self._recordings[key](args, kwargs)
            self._repeats = self._repeats + 1 if key == self._last else 1
            self._last = key
            result = self._call(*args, **kwargs)
            if self._repeats > EAGER_CALLS and len(self._recordings) < MAX_SHAPES:
                self._record(key, args, kwargs, result)
            return result

    def _record(self, key: tuple, args: tuple, kwargs: dict, expected: Any) -> None:
        """Record a call, and keep the recording if it gives what the call has given."""
        try:
            recording = _Recording(self._call, self._capture, args, kwargs)
            if not _agree(recording(args, kwargs), expected):
                raise RuntimeError("its recording gives something else")
        except Exception as error:  # whatever it is: without a recording there is a result
            self._gave_up = True
            self._recordings.clear()
            reason = str(error).partition("\n")[0]
            logger.warning("the %s runs without CUDA graphs: %s", self._name, reason)
        else:
            self._recordings[key] = recording


class CudaCapture:
    """Records calls as CUDA graphs, which share their memory for what lies between.

    They may share it because they are replayed on one stream, one after another, and each writes
    what it reads; the outputs of each are its own.
    """

    def __init__(self) -> None:
        self._stream: torch.cuda.Stream | None = None
        self._pool: Any = None

    def __call__(
        self, call: Callable[[], Any], device: torch.device
    ) -> tuple[Callable[[], None], Any]:
        """See `Capture`. Raises a RuntimeError where recording is impossible, or memory scarce."""
        _check_memory(device)
        with torch.cuda.device(device):
            if self._stream is None:
                self._stream, self._pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()
            caller, side = torch.cuda.current_stream(), self._stream
            side.wait_stream(caller)
            graph = torch.cuda.CUDAGraph()
            # `torch.cuda.graph` leaves its stream the current one where recording fails; the
            # context around it does not. Libraries warm up for each stream: it is the same one.
            with torch.cuda.stream(side), _without_cast_cache():
                for _ in range(_WARM_UPS):
                    call()
                # Other threads may use CUDA meanwhile: that would spoil a `global` recording.
                with torch.cuda.graph(
                    graph, self._pool, stream=side, capture_error_mode="thread_local"
                ):
                    outputs = call()
            caller.wait_stream(side)
        return graph.replay, outputs


class _Recording:
    """One call recorded for its shapes."""

    def __init__(
        self, call: Callable[..., Any], capture: Capture, args: tuple, kwargs: dict
    ) -> None:
        # Recorded on zeros, checked on a frame: what hangs on more than shapes comes out then.
        self._inputs = _map(torch.zeros_like, (args, kwargs))
        own_args, own_kwargs = self._inputs
        device = next(_tensors(self._inputs)).device
        self._replay, self._outputs = capture(lambda: call(*own_args, **own_kwargs), device)

    def __call__(self, args: tuple, kwargs: dict) -> Any:
        for own, given in zip(_tensors(self._inputs), _tensors((args, kwargs)), strict=True):
            own.copy_(given)
        self._replay()
        # The next replay writes over its outputs; a copy takes microseconds and is safe to keep.
        return _map(torch.clone, self._outputs)


def _check_memory(device: torch.device) -> None:
    """Refuse to take memory for good where a longer request might need it."""
    free, total = torch.cuda.mem_get_info(device)
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if free + unused < total // 2:
        raise RuntimeError("less than half of the GPU's memory is free")


@contextmanager
def _without_cast_cache() -> Generator[None, None, None]:
    """Keep autocast from reading casts of weights that it throws away when its context ends.

    A graph would go on reading them where they were:
    https://docs.pytorch.org/docs/stable/generated/torch.cuda.make_graphed_callables.html
    """
    enabled = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(enabled)


def _agree(given: Any, expected: Any) -> bool:
    """Whether two results are the same but for rounding; nothing that is not a number is."""
    ours, theirs = list(_tensors(given)), list(_tensors(expected))
    return len(ours) == len(theirs) and all(
        one.shape == other.shape and one.dtype == other.dtype and _is_near(one, other)
        for one, other in zip(ours, theirs, strict=True)
    )


def _is_near(one: Tensor, other: Tensor) -> bool:
    one, other = one.float(), other.float()
    return bool((one - other).abs().mean() <= TOLERANCE * other.abs().mean())


def _key(inputs: Any) -> tuple:
    """What a recording holds for: shapes and types, the values that are no tensors, autocast."""
    leaves = list(_leaves(inputs))
    kinds = {leaf.device.type for leaf in leaves if isinstance(leaf, Tensor)}
    mixed = ((k, torch.is_autocast_enabled(k), torch.get_autocast_dtype(k)) for k in sorted(kinds))
    described = (
        (tuple(leaf.shape), leaf.dtype, leaf.device) if isinstance(leaf, Tensor) else leaf
        for leaf in leaves
    )
    return (*mixed, *described)


def _tensors(value: Any) -> Iterator[Tensor]:
    return (leaf for leaf in _leaves(value) if isinstance(leaf, Tensor))


def _leaves(value: Any) -> Iterator[Any]:
    """Everything that lies in lists, tuples and dicts, and the names that it has there."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _map(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """The same lists, tuples and dicts, with a function applied to every tensor."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {name: _map(function, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_map(function, item) for item in value)
    return value
