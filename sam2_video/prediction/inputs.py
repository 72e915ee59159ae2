"""The interface of a predictor, read from the signature of its `predict` method.

The signature is the one source of truth for names, defaults, choices and bounds. The container
holds requests against the schema that is generated from it; `checked_inputs` does the same for
whoever calls `predict` from Python or from the command line.
"""

import functools
import inspect
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cog.input import FieldInfo

from sam2_video.core.errors import InputError

_KINDS = {bool: "true or false", int: "a whole number", str: "a string"}


@dataclass(frozen=True)
class InputSpec:
    """One input of `predict`: its name, its Python type and what `cog.Input` says of it."""

    name: str
    kind: type
    field: FieldInfo

    @property
    def is_file(self) -> bool:
        """Whether the input is a file."""
        return issubclass(self.kind, Path)

    @property
    def is_required(self) -> bool:
        """Whether the input has no default."""
        return self.field.default is None

    def parse(self, text: str) -> Any:
        """Read the value of an input that is not a file, as a command line writes it.

        Raises:
            InputError: `text` is not of the input's type.
        """
        if self.kind is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if self.kind is int and text.removeprefix("-").isdecimal() and len(text) < 20:
            return int(text)
        if self.kind is str:
            return text
        raise InputError(f"{self.name} is {text[:40]!r}, but it should be {self._allowed()}")

    def check(self, value: Any) -> None:
        """Hold a value against the input's type, choices and bounds.

        Raises:
            InputError: it does not fit.
        """
        is_kind = isinstance(value, str | Path) if self.is_file else type(value) is self.kind
        lower, upper, choices = self.field.ge, self.field.le, self.field.choices
        is_allowed = is_kind and (
            (choices is None or value in choices)
            and (lower is None or value >= lower)
            and (upper is None or value <= upper)
        )
        if not is_allowed:
            shown = repr(value)
            shown = shown if len(shown) <= 40 else shown[:40] + "..."
            raise InputError(f"{self.name} is {shown}, but it should be {self._allowed()}")

    def _allowed(self) -> str:
        field = self.field
        if field.choices is not None:
            return "one of " + ", ".join(str(choice) for choice in field.choices)
        kind = "a file" if self.is_file else _KINDS[self.kind]
        if field.ge is not None and field.le is not None:
            return f"{kind} from {field.ge} to {field.le}"
        return kind


def input_specs(predict: Callable) -> dict[str, InputSpec]:
    """The inputs of a `predict` method by name, in their order."""
    parameters = list(inspect.signature(predict).parameters.values())
    return {
        p.name: InputSpec(p.name, p.annotation, p.default) for p in parameters if p.name != "self"
    }


def complete_inputs(specs: Mapping[str, InputSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the inputs of one prediction and fill in the defaults.

    Raises:
        InputError: an input is unknown, missing, or not what its specification allows.
    """
    for name in given:
        if name not in specs:
            raise InputError(f"{name[:40]!r} is not an input; there are {', '.join(specs)}")
    inputs = {}
    for name, spec in specs.items():
        if name not in given:
            if spec.is_required:
                raise InputError(f"{name} is missing, and it is required")
            inputs[name] = spec.field.default
            continue
        spec.check(given[name])
        inputs[name] = given[name]
    return inputs


def checked_inputs(predict: Callable[..., Iterator]) -> Callable[..., Generator]:
    """Give a generator method `predict` its defaults and checks when called from Python.

    The method that comes back has no annotations (its signature is still `predict`'s). The
    server would download inputs that are annotated as files by itself, without a bound on size
    or time, not to be cancelled, and hand over any other string as if it were a file of ours.
    This way addresses arrive as strings, and `fetch.local_file` deals with them.
    """
    specs = input_specs(predict)

    @functools.wraps(predict)
    def checked(self: Any, **given: Any) -> Generator:
        yield from predict(self, **complete_inputs(specs, given))

    checked.__annotations__ = {}
    return checked
