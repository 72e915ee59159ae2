"""Replaying a network's kernels without launching them one by one.

A frame is hundreds of small kernels, and on a fast GPU Python takes longer to launch them than they
take to run. A CUDA graph captures them once, for fixed shapes and addresses, and launches them all
in one go: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs. What cannot be
captured, or does not give the same results, is computed as before.
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

logger = logging.getLogger(__name__)

MIN_CALLS = 16
"""Equal calls among the last `WINDOW` before they are captured."""
MAX_GRAPHS = 4
"""Graphs of one callable: each keeps its inputs and outputs in the GPU's memory. The one that was
not replayed for the longest time makes room for a new one."""
WINDOW = MIN_CALLS * MAX_GRAPHS
"""How many calls are looked at. While the memory bank fills up, its shape changes with every frame,
so none is worth a graph; groups of different sizes, which take turns, all are, up to `MAX_GRAPHS`.
More shapes than that in turns would push out each other's graphs: then none comes often enough."""
TOLERANCE = 0.02
"""Mean difference, by mean size: other bfloat16 kernels may be chosen during capture."""
_WARM_UPS = 3  # as in PyTorch's notes: libraries choose kernels and ask for memory first

Capture = Callable[[Callable[[], Any], torch.device], tuple[Callable[[], None], Any]]
"""Captures a call: gives a function that replays it, and the outputs which a replay writes."""


class Graphed:
    """A callable of tensors whose calls are captured and replayed where they repeat.

    Tensors may lie in lists, tuples and dicts, in arguments and in what is returned; everything
    else among the arguments has to be hashable. Whatever else the callable reads (weights, cached
    positions) must stay where it is in memory, and what it does may depend on shapes only. All
    calls have to be on one stream, as PyTorch's default one.
    """

    def __init__(self, name: str, call: Callable[..., Any], capture: Capture | None = None) -> None:
        """Wrap a callable.

        Args:
            name: what it is, for the log.
            call: the callable.
            capture: how it is captured; as a CUDA graph if None.
        """
        self._name = name
        self._call = call
        self._capture = capture or CudaCapture()
        self._graphs: OrderedDict[tuple, _Graph] = OrderedDict()  # least recently replayed first
        self._recent: deque[tuple] = deque(maxlen=WINDOW)
        self._gave_up = False
        self._lock = Lock()  # a graph has one set of inputs and outputs

    @property
    def graph_count(self) -> int:
        """How many graphs there are."""
        return len(self._graphs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the callable returns, in tensors that belong to the caller."""
        if self._gave_up or not torch.is_inference_mode_enabled():
            return self._call(*args, **kwargs)
        with self._lock:
            leaves, structure = pytree.tree_flatten((args, kwargs))
            key = _key(leaves, structure)
            self._recent.append(key)
            if key in self._graphs:
                self._graphs.move_to_end(key)
                return self._graphs[key](leaves)
            result = self._call(*args, **kwargs)
            if self._recent.count(key) >= MIN_CALLS:
                self._add_graph(key, leaves, structure, result)
            return result

    def _add_graph(
        self, key: tuple, leaves: list, structure: pytree.TreeSpec, expected: Any
    ) -> None:
        """Capture a call, and keep the graph if its replay gives what the call has given."""
        if len(self._graphs) == MAX_GRAPHS:
            self._graphs.popitem(last=False)
        try:
            graph = _Graph(self._call, self._capture, leaves, structure)
            if not _agree(graph(leaves), expected):
                raise RuntimeError("its replay gives something else")
        except Exception as error:  # whatever it is: without a graph there is a result
            self._gave_up = True
            self._graphs.clear()
            reason = str(error).partition("\n")[0]
            logger.warning("the %s runs without CUDA graphs: %s", self._name, reason)
        else:
            self._graphs[key] = graph


class CudaCapture:
    """Captures calls as CUDA graphs, which share the memory for intermediate results.

    They may share it because they are replayed on one stream, one after another, and each writes
    what it reads; the outputs of each stay its own.
    """

    def __init__(self) -> None:
        self._stream: torch.cuda.Stream | None = None
        self._pool: Any = None

    def __call__(
        self, call: Callable[[], Any], device: torch.device
    ) -> tuple[Callable[[], None], Any]:
        """See `Capture`. Raises a RuntimeError where capture is impossible, or memory scarce."""
        _check_memory(device)
        with torch.cuda.device(device):
            if self._stream is None:
                self._stream, self._pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()
            caller, side = torch.cuda.current_stream(), self._stream
            side.wait_stream(caller)
            graph = torch.cuda.CUDAGraph()
            # `torch.cuda.graph` leaves its stream the current one where capture fails; the context
            # around it does not. Libraries warm up for each stream: it is the same one.
            with torch.cuda.stream(side):
                for _ in range(_WARM_UPS):
                    call()
                # Other threads may use CUDA meanwhile: that would spoil a `global` capture.
                with torch.cuda.graph(
                    graph, self._pool, stream=side, capture_error_mode="thread_local"
                ):
                    outputs = call()
            caller.wait_stream(side)
        return graph.replay, outputs


class _Graph:
    """One call captured for its shapes.

    Args:
        leaves: the call's arguments, flattened.
        structure: how they lie in lists, tuples and dicts.
    """

    def __init__(
        self,
        call: Callable[..., Any],
        capture: Capture,
        leaves: list,
        structure: pytree.TreeSpec,
    ) -> None:
        # Captured on zeros, checked on a frame: a result that depends on more than shapes differs.
        # `zeros_like` keeps the order of strides, and gives what is expanded memory of its own.
        self._inputs = [torch.zeros_like(x) if isinstance(x, Tensor) else x for x in leaves]
        args, kwargs = pytree.tree_unflatten(self._inputs, structure)
        device = next(x.device for x in leaves if isinstance(x, Tensor))
        self._replay, self._outputs = capture(lambda: call(*args, **kwargs), device)

    def __call__(self, leaves: list) -> Any:
        """Replay on other tensors of the same shapes; the results are copies."""
        for own, given in zip(self._inputs, leaves, strict=True):
            if isinstance(own, Tensor):
                own.copy_(given)
        self._replay()
        # The next replay writes over the outputs; a copy takes microseconds and is safe to keep.
        return pytree.tree_map_only(Tensor, torch.clone, self._outputs)


def _check_memory(device: torch.device) -> None:
    """Refuse to take memory for good where a longer request might need it."""
    free, total = torch.cuda.mem_get_info(device)
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if free + unused < total // 2:
        raise RuntimeError("less than half of the GPU's memory is free")


def _agree(given: Any, expected: Any) -> bool:
    """Whether two results are the same but for rounding; NaN never is."""
    ours, theirs = _tensors(given), _tensors(expected)
    return len(ours) == len(theirs) and all(
        one.shape == other.shape and one.dtype == other.dtype and _is_near(one, other)
        for one, other in zip(ours, theirs, strict=True)
    )


def _is_near(one: Tensor, other: Tensor) -> bool:
    one, other = one.float(), other.float()
    return bool((one - other).abs().mean() <= TOLERANCE * other.abs().mean())


def _key(leaves: list, structure: pytree.TreeSpec) -> tuple:
    """What a graph holds for: structure, shapes and types, values that are no tensors, autocast."""
    kinds = {leaf.device.type for leaf in leaves if isinstance(leaf, Tensor)}
    mixed = ((k, torch.is_autocast_enabled(k), torch.get_autocast_dtype(k)) for k in sorted(kinds))
    described = (
        (tuple(leaf.shape), leaf.dtype, leaf.device) if isinstance(leaf, Tensor) else leaf
        for leaf in leaves
    )
    return (repr(structure), *mixed, *described)


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]
