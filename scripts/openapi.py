"""Writes the OpenAPI document of the server: `python -m scripts.openapi`.

`cog build` makes this document from the source of `predict.py` and puts it into the image, where
the server checks requests against it. This is the same document, made from the same signature. It
is shipped in the package, which checks inputs by it, and it shows what a change of the interface
changes.
"""

import inspect
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

import cog

from predict import Predictor
from sam2_video.prediction.contract import SCHEMA_FILE

Schema = dict[str, Any]

_TYPES = {bool: "boolean", int: "integer", str: "string"}
_STATUSES = ["starting", "processing", "succeeded", "canceled", "failed"]


def openapi() -> Schema:
    """The document for `predict.py:Predictor`."""
    signature = inspect.signature(Predictor.predict)
    inputs = [p for p in signature.parameters.values() if p.name != "self"]
    return {
        "components": {"schemas": _components(inputs)},
        "info": {"title": "Cog", "version": cog.__version__},
        "openapi": "3.0.2",
        "paths": _paths(),
    }


def as_text(document: Schema) -> str:
    """The document as it stands in the repository."""
    return json.dumps(document, indent=2) + "\n"


def main() -> int:
    """Write the document into the package."""
    SCHEMA_FILE.write_text(as_text(openapi()))
    return 0


def _components(inputs: list[inspect.Parameter]) -> Schema:
    choices = {
        parameter.name: {
            "description": "An enumeration.",
            "enum": list(parameter.default.choices),
            "title": parameter.name,
            "type": _TYPES[_kind(parameter)],
        }
        for parameter in inputs
        if parameter.default.choices is not None
    }
    response = {
        "completed_at": _text("Completed At", format="date-time"),
        "created_at": _text("Created At", format="date-time"),
        "error": _text("Error"),
        "id": _text("Id"),
        "input": _reference("Input"),
        "logs": _text("Logs"),
        "metrics": {"title": "Metrics", "type": "object"},
        "output": _reference("Output"),
        "started_at": _text("Started At", format="date-time"),
        "status": _text("Status"),
        "version": _text("Version"),
    }
    error = {
        "loc": {
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "title": "Location",
            "type": "array",
        },
        "msg": _text("Message"),
        "type": _text("Error Type"),
    }
    errors = {"items": _reference("ValidationError"), "title": "Detail", "type": "array"}
    return {
        "Input": _object(
            "Input",
            {parameter.name: _input(order, parameter) for order, parameter in enumerate(inputs)},
            required=[parameter.name for parameter in inputs if _is_required(parameter)],
        ),
        "Output": {
            "items": {"format": "uri", "type": "string"},
            "title": "Output",
            "type": "array",
            "x-cog-array-type": "iterator",
        },
        **choices,
        "PredictionRequest": _object(
            "PredictionRequest", {"id": _text("Id"), "input": _reference("Input")}
        ),
        "PredictionResponse": _object("PredictionResponse", response),
        "Status": {
            "description": "An enumeration.",
            "enum": _STATUSES,
            "title": "Status",
            "type": "string",
        },
        "HTTPValidationError": _object("HTTPValidationError", {"detail": errors}),
        "ValidationError": _object("ValidationError", error, required=["loc", "msg", "type"]),
    }


def _input(order: int, parameter: inspect.Parameter) -> Schema:
    """One input, its keys in alphabetical order, as cog's generator writes them."""
    field, kind = parameter.default, _kind(parameter)
    schema: Schema = {"description": field.description, "x-order": order}
    if field.choices is not None:
        schema["allOf"] = [_reference(parameter.name)]
    else:
        schema["title"] = parameter.name.replace("_", " ").title()
        schema["type"] = _TYPES.get(kind, "string")
        if issubclass(kind, Path):
            schema["format"] = "uri"
    for key, value in (
        ("default", field.default),
        ("minimum", field.ge),
        ("maximum", field.le),
    ):
        if value is not None:
            schema[key] = value
    if _may_be_none(parameter):
        schema |= {"default": None, "nullable": True}
    return dict(sorted(schema.items()))


def _kind(parameter: inspect.Parameter) -> type:
    """The type of an input: `Path` of `Path`, and of `Path | None`."""
    kinds = [k for k in _alternatives(parameter.annotation) if k is not types.NoneType]
    (kind,) = kinds
    return kind


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default.default is None and not _may_be_none(parameter)


def _may_be_none(parameter: inspect.Parameter) -> bool:
    return types.NoneType in _alternatives(parameter.annotation)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return typing.get_args(annotation) or (annotation,)


def _paths() -> Schema:
    cancel = {
        "operationId": "cancel_predictions__prediction_id__cancel_post",
        "parameters": [
            {
                "in": "path",
                "name": "prediction_id",
                "required": True,
                "schema": _text("Prediction Id"),
            }
        ],
        "responses": {"200": _answer({}), "422": _refusal()},
        "summary": "Cancel",
    }
    predict = {
        "description": "Run a single prediction on the model",
        "operationId": "predict_predictions_post",
        "requestBody": {"content": _content(_reference("PredictionRequest"))},
        "responses": {"200": _answer(_reference("PredictionResponse")), "422": _refusal()},
        "summary": "Predict",
        "x-cog-streaming": True,
    }
    return {
        "/": {"get": _get("root__get", "Root")},
        "/health-check": {"get": _get("healthcheck_health_check_get", "Healthcheck")},
        "/predictions": {"post": predict},
        "/predictions/{prediction_id}/cancel": {"post": cancel},
    }


def _get(operation: str, summary: str) -> Schema:
    return {"operationId": operation, "responses": {"200": _answer({})}, "summary": summary}


def _answer(schema: Schema) -> Schema:
    return {"content": _content(schema), "description": "Successful Response"}


def _refusal() -> Schema:
    return {
        "content": _content(_reference("HTTPValidationError")),
        "description": "Validation Error",
    }


def _content(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _text(title: str, **more: str) -> Schema:
    return {**more, "title": title, "type": "string"}


def _object(title: str, properties: Schema, required: list[str] | None = None) -> Schema:
    needed = {"required": required} if required else {}
    return {"properties": properties, **needed, "title": title, "type": "object"}


if __name__ == "__main__":
    sys.exit(main())
