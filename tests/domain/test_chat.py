"""The body of a request in each form, and the key that stays the same in all of them."""

import json
from dataclasses import replace

import pytest

from dynosaur_etl.domain.chat import ChatRequest, Purpose, prompt_bytes
from dynosaur_etl.domain.identity import canonical_json, digest
from dynosaur_etl.domain.request_form import (
    FIRST_FORM,
    THOUGHT_TOKENS,
    AnswerFormat,
    Effort,
    RequestForm,
    read_form,
)

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def request(model: str = "m", effort: Effort = Effort.NONE, schema: bool = True) -> ChatRequest:
    return ChatRequest(
        Purpose.PROPOSE, "s", model, [{"role": "system", "content": "be brief"},
        {"role": "user", "content": "x"}], SCHEMA if schema else None, 50, 0, "v1", effort,
    )  # fmt: skip


FORMS = [
    FIRST_FORM,
    RequestForm(limit="max_completion_tokens", temperature=False),
    RequestForm(answer_format=AnswerFormat.JSON_OBJECT),
    RequestForm(answer_format=AnswerFormat.WORDED, effort=False),
    RequestForm(strict=False, efforts=("low", "high"), thinks=True),
]


def test_the_key_is_that_of_a_request_from_before_there_were_forms() -> None:
    asked = request()
    assert asked.key == digest("chat", ("m", 50, 0.0), "v1", asked.messages, asked.schema)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_changes_the_body_and_not_the_key(form: RequestForm) -> None:
    asked = request()
    adapted = asked.in_form(form)
    assert adapted.key == asked.key == request().in_form(form).key
    assert (adapted.body() == asked.body()) == (form == FIRST_FORM)
    assert (adapted.sent_key == asked.key) == (form == FIRST_FORM)
    assert adapted.in_form(FIRST_FORM).body() == asked.body()
    assert read_form(json.loads(json.dumps(form.__dict__))) == form


def test_the_first_form_sends_everything() -> None:
    assert request().body() == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "x"}],
        "max_tokens": 50,
        "temperature": 0,
        "reasoning_effort": "none",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
        },
    }


@pytest.mark.parametrize("answer_format", [AnswerFormat.JSON_OBJECT, AnswerFormat.WORDED])
def test_a_schema_that_is_not_taken_is_put_into_words(answer_format: AnswerFormat) -> None:
    adapted = request().in_form(RequestForm(answer_format=answer_format))
    body = adapted.body()
    assert body["messages"][0] == {"role": "system", "content": "be brief"}
    assert canonical_json(SCHEMA) in body["messages"][1]["content"]
    assert "JSON" in body["messages"][1]["content"], "json_object wants the word"
    assert ("response_format" in body) == (answer_format == AnswerFormat.JSON_OBJECT)
    assert adapted.prompt_bytes >= len(json.dumps(body["messages"]))
    assert request(schema=False).in_form(adapted.form).body()["messages"][1]["content"] == "x"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("effort", Effort)
def test_what_is_reserved_is_what_may_be_sent(form: RequestForm, effort: Effort) -> None:
    adapted = request(effort=effort).in_form(form)
    body = adapted.body()
    assert body[form.limit] == adapted.most_completion_tokens
    sent = body.get("reasoning_effort")
    assert (sent is None) == (not form.effort)
    if sent is not None:
        assert adapted.most_completion_tokens >= 50 + THOUGHT_TOKENS[Effort(sent)]
    if form.thinks:
        assert adapted.most_completion_tokens >= 50 + THOUGHT_TOKENS[Effort.MEDIUM]


def test_an_effort_of_ones_own_asks_anew() -> None:
    keys = {request(effort=effort).key for effort in Effort}
    assert len(keys) == len(Effort)
    assert request().key in keys


def test_a_changed_request_has_a_key_of_its_own() -> None:
    asked = request()
    assert replace(asked, max_tokens=51).key != asked.key
    assert prompt_bytes(asked.messages, asked.schema) == asked.prompt_bytes
