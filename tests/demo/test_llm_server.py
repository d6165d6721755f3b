"""The demo LLM server, over real HTTP and with the real openai client."""

import asyncio
import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from demo.llm_completion import MODEL, NOT_AN_LLM, complete
from dynosaur_etl.proposals.critic import (
    CriticExample,
    FilledTask,
    build_critic_request,
    read_verdicts,
)
from tests.demo.llm_support import FIELDS, client_of, lines_of, request, running


def content_of(body: dict[str, Any]) -> str:
    content = complete(body)["choices"][0]["message"]["content"]
    assert isinstance(content, str)
    return content


def sound_request() -> dict[str, Any]:
    """A request whose answer has none of the deliberate flaws."""
    candidates = (request(f"Variant {number}.") for number in range(100))
    return next(body for body in candidates if not flaw_of(content_of(body)))


def flaw_of(content: str) -> str | None:
    """The name of the flaw in an answer, found the way that a validity filter would find it."""
    try:
        tasks = json.loads(content)["tasks"]
    except ValueError:
        return "prose"
    known = {field["name"] for field in FIELDS}
    for task in tasks:
        if not isinstance(task["output_field"], str):
            return "two outputs"
        if not known.issuperset(task["input_fields"]):
            return "missing field"
        if task["output_field"] in task["input_fields"]:
            return "overlap"
    return None


def test_answers_with_valid_tasks_and_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**sound_request())

    tasks = json.loads(answer.choices[0].message.content or "")["tasks"]
    assert 1 <= len(tasks) <= 3
    assert (tasks[0]["input_fields"], tasks[0]["output_field"]) == (["review_text"], "sentiment")
    assert "review text" in tasks[0]["instruction"]
    assert all(task["instruction"].endswith((".", "?")) for task in tasks)
    assert not any("id" in (*task["input_fields"], task["output_field"]) for task in tasks)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 100
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 0
    assert answer.system_fingerprint == NOT_AN_LLM


def test_async_client_gets_the_same_answer(client: openai.OpenAI, shared: tuple[str, Path]) -> None:
    async def ask() -> dict[str, Any]:
        async with openai.AsyncOpenAI(base_url=shared[0], api_key="k", max_retries=0) as other:
            answer = await other.chat.completions.create(**request())
            return dict(answer.model_dump())

    assert asyncio.run(ask()) == client.chat.completions.create(**request()).model_dump()


def test_same_request_same_bytes_and_another_request_another_id() -> None:
    body = request()
    assert json.dumps(complete(body)) == json.dumps(complete(json.loads(json.dumps(body))))
    assert complete(body)["id"] != complete(request("Another."))["id"]


def test_announces_in_models_that_it_is_no_llm(client: openai.OpenAI) -> None:
    listed = client.models.list().data
    assert [(model.id, model.owned_by) for model in listed] == [(MODEL, NOT_AN_LLM)]
    assert client.models.retrieve(MODEL).id == MODEL


def test_roughly_one_answer_in_eight_has_a_flaw_of_every_kind() -> None:
    flaws = [flaw_of(content_of(request(f"Variant {number}."))) for number in range(800)]
    found = [flaw for flaw in flaws if flaw]
    assert 70 <= len(found) <= 130
    assert set(found) == {"prose", "two outputs", "missing field", "overlap"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic k"}])
def test_no_key_is_refused_and_logged_unpaid(
    shared: tuple[str, Path], headers: dict[str, str]
) -> None:
    answer = httpx.post(f"{shared[0]}/chat/completions", json=request(), headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    last = lines_of(shared[1])[-1]
    assert (last["status"], last["paid"], last["completion_tokens"]) == (401, False, 0)
    assert httpx.get(f"{shared[0]}/models").status_code == 401


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"model": "gpt-4o"}, openai.NotFoundError, "model_not_found"),
        ({"messages": []}, openai.BadRequestError, None),
        (
            {"messages": [{"role": "user", "content": "x"}], "response_format": "json_object"},
            openai.BadRequestError,
            None,
        ),
    ],
)
def test_bad_requests_get_openai_errors(
    client: openai.OpenAI, changes: dict[str, Any], error: type[openai.APIStatusError], code: str
) -> None:
    if "response_format" in changes:
        changes = {**changes, "response_format": {"type": changes["response_format"]}}
    with pytest.raises(error) as caught:
        client.chat.completions.create(**request(**changes))
    assert caught.value.code == code


def test_any_model_of_the_demo_family_is_served(client: openai.OpenAI) -> None:
    assert client.chat.completions.create(**request(model="dynosaur-demo-2")).model.endswith("-2")


@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b"[" * 5000, b'{"messages": 3}'])
def test_malformed_bodies_get_400_or_404(shared: tuple[str, Path], body: bytes) -> None:
    headers = {"Authorization": "Bearer k"}
    answer = httpx.post(f"{shared[0]}/chat/completions", content=body, headers=headers)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["message"]


def with_text(text: str) -> Callable[[], dict[str, Any]]:
    return lambda: request(messages=[{"role": "user", "content": text}], response_format=None)


@pytest.mark.parametrize(
    "make",
    [
        with_text("no data at all"),
        with_text('{"fields": 3} {"fields": [3, {"name": 4}, {}]}'),
        with_text('{"fields": [' + '{"a":' * 400),
        with_text("{" * 50_000),
        lambda: request(messages=[{"role": "user", "content": None}], response_format={}),
        lambda: request(
            messages=[{"role": "user", "content": "x"}],
            response_format={"type": "json_schema", "json_schema": {"schema": {"properties": 7}}},
        ),
    ],
)
def test_a_request_without_usable_data_gets_no_tasks(make: Callable[[], dict[str, Any]]) -> None:
    assert json.loads(content_of(make())) == {"tasks": []}


def test_without_data_the_enum_of_the_schema_names_the_fields() -> None:
    body = sound_request()
    bare = [{"role": "user", "content": [{"type": "text", "text": "Design tasks, please."}]}]
    answers = [content_of({**body, "messages": bare, "seed": seed}) for seed in range(20)]
    sound = next(answer for answer in answers if not flaw_of(answer))
    assert json.loads(sound)["tasks"][0]["output_field"] == "sentiment"


def test_a_field_that_is_not_a_string_of_characters_breaks_nothing(client: openai.OpenAI) -> None:
    fields = [{"name": "note\ud800", "type": "string"}, {"name": "label", "type": "string"}]
    text = json.dumps({"fields": fields})
    messages = [{"role": "user", "content": text}]
    answer = client.chat.completions.create(**request(messages=messages, response_format={}))
    assert "tasks" in (answer.choices[0].message.content or "")


def test_a_limit_of_tokens_cuts_the_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**request(max_completion_tokens=5))
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5


JUDGE = "We would like to request your feedback on the performance of the AI assistant."


@pytest.mark.parametrize(
    ("given", "response", "score"),
    [
        ("The soup was cold.", "negative", 5.0),
        ("The soup was cold.", "", 0.0),
        ("The soup was cold.", "The soup was cold.", 1.0),
        ("", "A warm and friendly place.", 4.5),
        ("The soup was cold.", "12.5", 4.0),
        ("The soup was cold.", "so so so so so so.", 3.5),
    ],
)
def test_judges_with_a_score_on_the_first_line(
    client: openai.OpenAI, given: str, response: str, score: float
) -> None:
    user = f"Instruction: Name the mood of the review.\nInput: {given}\nResponse: {response}\n\n"
    messages = [
        {"role": "system", "content": JUDGE},
        {"role": "user", "content": user + "Please rate the accuracy from 0 to 5."},
    ]
    answer = client.chat.completions.create(**request(messages=messages, response_format={}))
    first, explanation = (answer.choices[0].message.content or "").split("\n")
    assert float(first) == score
    assert explanation.endswith(".")


def test_judges_into_a_schema() -> None:
    properties = {"score": {"type": "number"}, "explanation": {"type": "string"}}
    form = {"type": "json_schema", "json_schema": {"schema": {"properties": properties}}}
    messages = [{"role": "system", "content": JUDGE}, {"role": "user", "content": "Response: x"}]
    judged = json.loads(content_of(request(messages=messages, response_format=form)))
    assert set(judged) == {"score", "explanation"}
    assert 0 <= judged["score"] <= 5


@pytest.mark.parametrize(
    ("instruction", "output", "valid"),
    [
        ("Name the mood of the review.", "positive", True),
        ("Name the mood of the review, which is positive.", "positive", False),
        ("Name the mood of the review.", "", False),
        ("Name the mood. Answers must be one of negative, positive.", "positive", True),
    ],
)
def test_criticises_as_the_product_asks(instruction: str, output: str, valid: bool) -> None:
    examples = [CriticExample("The soup was cold.", output)] * 2
    sound = FilledTask("Shorten the review.", [CriticExample("The soup was cold.", "Cold soup.")])
    tasks = [sound, FilledTask(instruction, examples)]
    body = build_critic_request(tasks, "riverside/cafe", MODEL).body()
    first, second = read_verdicts(content_of(dict(body)), len(tasks))
    assert first.valid is True
    assert second.valid is valid
    assert second.reason


def test_a_key_is_paid_once_even_across_a_killed_server(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    headers = {"Idempotency-Key": "key-1"}
    with running("--log", str(log)) as (address, process):
        first = client_of(address).chat.completions.create(**request(), extra_headers=headers)
        process.send_signal(signal.SIGKILL)
        process.wait()
    log.write_bytes(log.read_bytes() + b'{"n": 2, "cut sh')

    with running("--log", str(log)) as (address, _):
        client = client_of(address)
        second = client.chat.completions.create(**request(), extra_headers=headers)
        with pytest.raises(openai.BadRequestError, match="was used before"):
            client.chat.completions.create(**request("Other."), extra_headers=headers)
        client.chat.completions.create(**request())

    assert second.model_dump() == first.model_dump()
    lines = lines_of(log)
    assert [line["n"] for line in lines] == [1, 2, 3, 4]
    assert [line["paid"] for line in lines] == [True, False, False, True]
    assert [line["status"] for line in lines] == [200, 200, 400, 200]
    assert [line["idempotency_key"] for line in lines] == ["key-1", "key-1", "key-1", None]
    assert lines[0]["prompt_tokens"] == first.usage.prompt_tokens if first.usage else False
    assert lines[0]["request_hash"] == lines[1]["request_hash"] == lines[3]["request_hash"]
    assert (lines[0]["path"], lines[0]["model"]) == ("/v1/chat/completions", MODEL)


def test_an_answer_that_is_still_on_its_way_is_already_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    headers = {"Idempotency-Key": "slow"}
    with running("--log", str(log), "--latency-ms", "1500") as (address, _):
        impatient = client_of(address).with_options(timeout=0.5)
        with pytest.raises(openai.APITimeoutError):
            impatient.chat.completions.create(**request(), extra_headers=headers)
        assert [line["paid"] for line in lines_of(log)] == [True]
        client_of(address).chat.completions.create(**request(), extra_headers=headers)
    assert [line["paid"] for line in lines_of(log)] == [True, False]


def test_listens_on_one_loopback_address_only(shared: tuple[str, Path]) -> None:
    port = int(shared[0].rsplit(":", 1)[1].removesuffix("/v1"))
    socket.create_connection(("127.0.0.1", port), timeout=2).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=2)
