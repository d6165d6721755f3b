"""Batches of the demo's LLM server."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from demo.llm_completion import complete
from tests.demo.llm_support import lines_of, request


def batch_line(custom_id: str, body: dict[str, Any]) -> str:
    line = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line)


def submit(client: openai.OpenAI, lines: list[str]) -> str:
    content = "\n".join(lines).encode()
    source = client.files.create(file=("in.jsonl", content), purpose="batch")
    assert client.files.content(source.id).content == content
    batch = client.batches.create(
        input_file_id=source.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert batch.status == "validating"
    return batch.id


def test_a_batch_answers_in_another_order(client: openai.OpenAI, shared: tuple[str, Path]) -> None:
    bodies = {f"line-{number}": request(f"Line {number}.") for number in range(4)}
    wrong = batch_line("wrong", request(model="gpt-4o"))
    batch_id = submit(client, [batch_line(*item) for item in bodies.items()] + [wrong])

    seen = [client.batches.retrieve(batch_id).status for _ in range(3)]
    assert seen == ["in_progress", "finalizing", "completed"]
    done = client.batches.retrieve(batch_id)
    assert done.request_counts is not None
    assert done.request_counts.model_dump() == {"total": 5, "completed": 4, "failed": 1}
    output = client.files.content(done.output_file_id or "").text.splitlines()
    answers = {line["custom_id"]: line["response"] for line in map(json.loads, output)}
    assert list(answers) != list(bodies)
    assert {name: answer["body"] for name, answer in answers.items()} == {
        name: complete(body) for name, body in bodies.items()
    }
    failed = json.loads(client.files.content(done.error_file_id or "").text)
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("wrong", 404)
    logged = [line for line in lines_of(shared[1]) if line["batch_id"] == batch_id]
    assert [(line["custom_id"], line["paid"]) for line in logged] == [
        *((name, True) for name in bodies),
        ("wrong", False),
    ]


def test_a_cancelled_batch_pays_nothing(client: openai.OpenAI, shared: tuple[str, Path]) -> None:
    batch_id = submit(client, [batch_line("a", request())])
    assert client.batches.retrieve(batch_id).status == "in_progress"
    assert client.batches.cancel(batch_id).status == "cancelling"
    assert client.batches.retrieve(batch_id).status == "cancelled"
    assert batch_id in [batch.id for batch in client.batches.list()]
    assert not [line for line in lines_of(shared[1]) if line["batch_id"] == batch_id]


@pytest.mark.parametrize(
    "lines",
    [["no json"], [""], [batch_line("a", {}), batch_line("a", {})], ['{"custom_id": "a"}']],
)
def test_a_malformed_input_file_fails_the_batch(client: openai.OpenAI, lines: list[str]) -> None:
    batch_id = submit(client, lines)
    failed = client.batches.retrieve(batch_id)
    assert failed.status == "failed"
    assert failed.errors is not None
    assert failed.errors.data


def test_unknown_files_and_batches_are_not_found(client: openai.OpenAI) -> None:
    for ask in (client.files.content, client.files.retrieve, client.batches.retrieve):
        with pytest.raises(openai.NotFoundError):
            ask("nothing")
