"""The OpenAPI document of the server.

`python -m sam2_video.prediction.openapi` writes `openapi.json`.

`cog build` makes this document from the source of `predict.py` and puts it into the image, where
the server holds requests against it. This is the same document made from the same signature, for
whoever runs the server without building an image, reads the interface, or reviews a change of it.
"""

import json
import sys
from typing import Any

import cog

from sam2_video.models.registry import PROJECT
from sam2_video.prediction.inputs import InputSpec, input_specs

SCHEMA_FILE = PROJECT / "openapi.json"
SERVED_FILE = PROJECT / ".cog" / "openapi_schema.json"  # where the server looks for it

Schema = dict[str, Any]

_TYPES = {bool: "boolean", int: "integer", str: "string"}
_STATUSES = ["starting", "processing", "succeeded", "canceled", "failed"]


def openapi() -> Schema:
    """The document for `predict.py:Predictor`."""
    # Imported here: torch takes seconds, and only this needs it.
    from predict import Predictor

    specs = list(input_specs(Predictor.predict).values())
    return {
        "components": {"schemas": _components(specs)},
        "info": {"title": "Cog", "version": cog.__version__},
        "openapi": "3.0.2",
        "paths": _paths(),
    }


def as_text(document: Schema) -> str:
    """The document as it stands in the repository."""
    return json.dumps(document, indent=2) + "\n"


def main() -> int:
    """Write the document where it is kept and where the server looks for it."""
    text = as_text(openapi())
    for path in (SCHEMA_FILE, SERVED_FILE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        print(path.relative_to(PROJECT))
    return 0


def _components(specs: list[InputSpec]) -> Schema:
    choices = {
        spec.name: {
            "description": "An enumeration.",
            "enum": list(spec.field.choices),
            "title": spec.name,
            "type": _TYPES[spec.kind],
        }
        for spec in specs
        if spec.field.choices is not None
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
            {spec.name: _input(order, spec) for order, spec in enumerate(specs)},
            required=[spec.name for spec in specs if spec.is_required],
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


def _input(order: int, spec: InputSpec) -> Schema:
    """One input, its keys in alphabetical order, as cog's generator writes them."""
    field = spec.field
    schema: Schema = {"description": field.description, "x-order": order}
    if field.choices is not None:
        schema["allOf"] = [_reference(spec.name)]
    else:
        schema["title"] = spec.name.replace("_", " ").title()
        schema["type"] = "string" if spec.is_file else _TYPES[spec.kind]
        if spec.is_file:
            schema["format"] = "uri"
    for key, value in (
        ("default", field.default),
        ("minimum", field.ge),
        ("maximum", field.le),
    ):
        if value is not None:
            schema[key] = value
    return dict(sorted(schema.items()))


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
