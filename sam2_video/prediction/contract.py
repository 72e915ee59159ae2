"""The inputs of a prediction: what `openapi.json` declares, read and checked.

`openapi.json` is made from the signature of `predict` in `predict.py` (`python -m scripts.openapi`)
and shipped in the package. The command line, batches, the HTTP service and `predict.py` itself
check inputs here, so a wrong value gets the same sentence everywhere.
"""

import functools
import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from sam2_video.core.errors import InputError, shown

SCHEMA_FILE = Path(__file__).with_name("openapi.json")
"""The OpenAPI document of the container's server."""

_WHOLE_NUMBER = re.compile(r"(-?[0-9]{1,4000})(?:\.0*)?")  # tables write 2 as 2.0; `int` reads 4300
_KINDS = {"boolean": "true or false", "integer": "a whole number", "string": "a string"}


@dataclass(frozen=True)
class Problem:
    """What is wrong with one input.

    Attributes:
        name: the input's.
        rule: the keyword of JSON Schema that it breaks, as `required`, `type` or `enum`;
            `value_error` for what JSON Schema cannot say.
        sentence: names the input, the value and what would be right.
    """

    name: str
    rule: str
    sentence: str


@dataclass(frozen=True)
class InputSpec:
    """One input: its type and what is allowed.

    Attributes:
        name: the input's.
        type: as JSON Schema calls it: `string`, `integer` or `boolean`.
        is_file: whether it is a file: a local one as a `Path`, else a URL or a data URI.
        is_required: whether it has to be given.
        default: the value where it is not given; None if it has none.
        choices: the values that are allowed; empty if others are too.
        minimum, maximum: bounds of a number, both allowed; None where there is none.
        description: what it means, for people.
    """

    name: str
    type: str
    is_file: bool = False
    is_required: bool = False
    default: str | int | None = None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    description: str = field(default="", compare=False)

    @property
    def allowed(self) -> str:
        """What would be right, as the end of a sentence."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = "a file" if self.is_file else _KINDS[self.type]
        if self.minimum is not None and self.maximum is not None:
            return f"{kind} from {self.minimum} to {self.maximum}"
        if self.minimum is not None:
            return f"{kind} of at least {self.minimum}"
        return kind if self.maximum is None else f"{kind} of at most {self.maximum}"

    def parse(self, text: str) -> Any:
        """Read a value from text, as a command line or a table writes it.

        Raises:
            InputError: `text` is not of the input's type.
        """
        if self.type == "string":
            return text
        if self.type == "boolean" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if self.type == "integer" and (found := _WHOLE_NUMBER.fullmatch(text)):
            return int(found[1])
        raise InputError(self._refusal(text))

    def normalized(self, value: Any) -> Any:
        """The value as the input's Python type: JSON may write the whole number 25 as 25.0."""
        is_whole = self.type == "integer" and isinstance(value, float) and value.is_integer()
        return int(value) if is_whole else value

    def problem(self, value: Any) -> Problem | None:
        """What is wrong with a normalized value, if anything."""
        if isinstance(value, str) and not is_text(value):
            sentence = f"{self.name} contains an unpaired surrogate"
            return Problem(self.name, "value_error", sentence)
        rule = self._broken_rule(value)
        return None if rule is None else Problem(self.name, rule, self._refusal(value))

    def _broken_rule(self, value: Any) -> str | None:
        if not self._is_of_type(value):
            return "type"
        if self.choices and value not in self.choices:
            return "enum"
        if self.minimum is not None and value < self.minimum:
            return "minimum"
        if self.maximum is not None and value > self.maximum:
            return "maximum"
        return None

    def _is_of_type(self, value: Any) -> bool:
        if self.is_file:
            return isinstance(value, str | Path)
        return type(value) is {"boolean": bool, "integer": int, "string": str}[self.type]

    def _refusal(self, value: Any) -> str:
        return f"{self.name} is {shown(value)}, but it should be {self.allowed}"


class Contract:
    """The inputs that an OpenAPI document of a container's server declares.

    Args:
        document: the document.

    Attributes:
        inputs: by name, in their order.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        schemas = document["components"]["schemas"]
        required = schemas["Input"].get("required", ())
        properties = schemas["Input"]["properties"]
        order = sorted(properties, key=lambda name: properties[name].get("x-order", 0))
        self.inputs = {
            name: _spec(name, properties[name], schemas, name in required) for name in order
        }

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the document from a file."""
        return cls(json.loads(path.read_text()))

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the inputs that are files."""
        return tuple(name for name, spec in self.inputs.items() if spec.is_file)

    def parse(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Read values that are text as their inputs' types; leave others as they are.

        Raises:
            InputError: a text is not of its input's type.
        """
        return {
            name: self.inputs[name].parse(value)
            if name in self.inputs and isinstance(value, str)
            else value
            for name, value in given.items()
        }

    def normalized(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The known inputs that have a value, each as its Python type where it fits.

        None counts as not given, and so does an empty string for a file that may be left out:
        forms and tables write it so.
        """
        return {
            name: self.inputs[name].normalized(value)
            for name, value in given.items()
            if name in self.inputs
            and value is not None
            and not (
                value == "" and self.inputs[name].is_file and not self.inputs[name].is_required
            )
        }

    def problems(self, given: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with normalized inputs, in the order of the inputs."""
        for name, spec in self.inputs.items():
            if name not in given:
                if spec.is_required:
                    yield Problem(name, "required", f"{name} is required")
            elif problem := spec.problem(given[name]):
                yield problem

    def unknown(self, name: str) -> str:
        """The sentence for a name that no input has."""
        (closest,) = get_close_matches(name, self.inputs, n=1, cutoff=0)
        return f"{shown(name)} is not an input; the closest one is {closest}"

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check the inputs of one prediction and fill in the defaults.

        Raises:
            InputError: an input is unknown, missing or invalid.
        """
        for name in given:
            if name not in self.inputs:
                raise InputError(self.unknown(name))
        known = self.normalized(given)
        for problem in self.problems(known):
            raise InputError(problem.sentence)
        return {name: known.get(name, spec.default) for name, spec in self.inputs.items()}


@functools.cache
def contract() -> Contract:
    """The contract that is shipped with the package."""
    return Contract.read(SCHEMA_FILE)


def checked_inputs(predict: Callable[..., Iterator]) -> Callable[..., Generator]:
    """Give a generator method `predict` its defaults and checks when called from Python.

    The method that comes back has no annotations (its signature is still `predict`'s). The
    server would download inputs that are annotated as files by itself, without a bound on size
    or time, not to be cancelled, and hand over any other string as if it were a local file.
    This way URLs arrive as strings, and `fetch.local_file` deals with them.
    """

    @functools.wraps(predict)
    def checked(self: Any, **given: Any) -> Generator:
        yield from predict(self, **contract().complete(given))

    checked.__annotations__ = {}
    return checked


def is_text(value: str) -> bool:
    """Whether a string can be encoded: JSON and command lines let unpaired surrogates through."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _spec(
    name: str, properties: Mapping[str, Any], schemas: Mapping[str, Any], is_required: bool
) -> InputSpec:
    rules = dict(properties)
    for part in properties.get("allOf", ()):
        rules |= schemas[part["$ref"].rpartition("/")[2]]
    return InputSpec(
        name,
        rules["type"],
        is_file=rules.get("format") == "uri",
        is_required=is_required,
        default=properties.get("default"),
        choices=tuple(rules.get("enum", ())),
        minimum=rules.get("minimum"),
        maximum=rules.get("maximum"),
        description=properties.get("description", ""),
    )
