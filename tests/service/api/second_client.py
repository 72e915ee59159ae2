"""Programs that use the second generation of the official Python client, one a scenario.

`python second_client.py SCENARIO [JSON...]` prints what they saw as JSON. The client holds every
answer against the types that Replicate's OpenAPI document was turned into. It is in a folder of
its own, since the first generation has the same name.
"""

import json
import sys
from pathlib import Path
from typing import Any

import replicate
from replicate.exceptions import ModelError

MODEL = "meta/sam-2-video"
OWNER, NAME = MODEL.split("/")
VERSION = "33432afdfc06a10da6b4018932893d39b0159f838b6d11dd1236dff85cc5ec1d"

client = replicate.Replicate(_strict_response_validation=True, max_retries=0)


def run(path: str, inputs: dict[str, Any]) -> Any:
    """By model and by version: a path is uploaded, or sent as a data URI."""
    video = {"input_video": Path(path)}
    by_model = client.run(MODEL, input={**inputs, **video})
    by_version = client.run(
        f"{MODEL}:{VERSION}", input={**inputs, **video}, file_encoding_strategy="base64"
    )
    polled = client.run(MODEL, input={**inputs, **video}, wait=False)
    return [[str(output) for output in outputs] for outputs in (by_model, by_version, polled)]


def use(inputs: dict[str, Any]) -> Any:
    """The model as a function, whose outputs are files."""
    return [Path(output).name for output in replicate.use(MODEL)(**inputs)]


def failure(inputs: dict[str, Any]) -> Any:
    try:
        client.run(MODEL, input=inputs)
    except ModelError as error:
        return str(error)


def lifecycle(inputs: dict[str, Any], webhook: str) -> Any:
    created = client.predictions.create(version=VERSION, input=inputs, cancel_after="1h30m")
    done = client.predictions.wait(created.id)
    later = client.predictions.create(
        version=MODEL, input=inputs, webhook=webhook, webhook_events_filter=["completed"]
    )
    canceled = client.predictions.cancel(prediction_id=later.id)
    found = {
        "since": client.predictions.list(created_after=later.created_at),
        "until": client.predictions.list(created_before=created.created_at),
        "both": client.predictions.list(
            created_after=created.created_at, created_before=later.created_at
        ),
    }
    return {
        "created": created.to_dict(mode="json"),
        "done": done.to_dict(mode="json"),
        "canceled": canceled.to_dict(mode="json"),
        **{name: [one.id for one in page] for name, page in found.items()},
    }


def models() -> Any:
    model = client.models.get(model_owner=OWNER, model_name=NAME)
    versions = client.models.versions.list(model_owner=OWNER, model_name=NAME)
    version = client.models.versions.get(model_owner=OWNER, model_name=NAME, version_id=VERSION)
    return {
        "ids": [model.latest_version.id, version.id, *(one.id for one in versions)],
        "listed": [one.name for one in client.models.list()],
        "found": [one.name for one in client.models.search(body="segment a video")],
        "not_found": [one.name for one in client.models.search(body="llama")],
        "anything": [one.model.name for one in client.search(query="sam").models],
        "readme": client.models.readme.get(model_owner=OWNER, model_name=NAME),
        "examples": [
            one.id for one in client.models.examples.list(model_owner=OWNER, model_name=NAME)
        ],
    }


def files(text: str) -> Any:
    created = client.files.create(content=text.encode(), filename="notes.txt", type="text/plain")
    found = client.files.get(file_id=created.id)
    ids = [one.id for one in client.files.list()]
    client.files.delete(file_id=created.id)
    return {
        "same": created.model_dump() == found.model_dump(),
        "listed": created.id in ids,
        "size": created.size,
    }


def others() -> Any:
    """What a program asks for to check its token, and what is not here."""
    refused = []
    for call in (client.collections.list, client.hardware.list, client.trainings.list):
        try:
            call()
        except replicate.NotFoundError as error:
            refused.append(error.body["detail"])
    return {
        "account": client.account.get().type,
        "key": client.webhooks.default.secret.get().key,
        "refused": refused,
    }


if __name__ == "__main__":
    scenario, *texts = sys.argv[1:]
    print(json.dumps(globals()[scenario](*map(json.loads, texts))))
