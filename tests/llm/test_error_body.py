"""What servers say is wrong, in each form, and what comes of it through the client and a batch."""

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from dynosaur_etl.domain.batch import LineFailure
from dynosaur_etl.domain.errors import LlmRefused
from dynosaur_etl.llm.batch_lines import read_line, refuses_every_line
from dynosaur_etl.llm.completion import completion_answer, read_completion
from dynosaur_etl.llm.error_body import ServerError, error_in_answer, error_in_refusal
from dynosaur_etl.llm.failures import RequestRefused, TryAgain, read_refusal
from dynosaur_etl.store.ledger import PostgresLedger
from dynosaur_etl.store.ledger_audit import audit, spend
from tests.llm.asking import ask, make_client, make_request
from tests.llm.faulty_llm import FaultyLlm, completion

PASSING: dict[str, tuple[Any, int | None]] = {
    "openai rate": ({"error": {"message": "Slow.", "code": "rate_limit_exceeded"}}, 429),
    "openai server": ({"error": {"message": "Sorry.", "type": "server_error"}}, 500),
    "openrouter": ({"error": {"code": 502, "message": "Provider returned error"}}, 502),
    "openrouter choice": (
        {"choices": [{"error": {"code": 429, "message": "upstream"}, "finish_reason": "error"}]},
        429,
    ),
    "anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 503,
    ),
    "gemini": ([{"error": {"code": 503, "status": "UNAVAILABLE", "message": "Later."}}], 503),
    "gemini rate": (
        {"error": {"status": "RESOURCE_EXHAUSTED", "message": "Quota of 10 per minute."}}, 429,
    ),
    "vllm": ({"object": "error", "message": "gone", "type": "InternalServerError"}, 500),
    "tgi": ({"error": "Model is overloaded", "error_type": "overloaded"}, 503),
    "text": ({"error": "Internal server error"}, 500),
    "fastapi": ({"detail": "Too Many Requests"}, 429),
    "problem": ({"type": "about:blank", "title": "Too busy", "status": 503}, 503),
    "list": ({"errors": [{"message": "boom", "code": "500"}]}, 500),
    "minimax": ({"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
                429),
    "no words": ({"error": {"unknown": 1}}, None),
    "odd": ({"error": True}, None),
}  # fmt: skip
OUT_OF_CREDIT: dict[str, Any] = {
    "openai": {"error": {"message": "You exceeded your quota.", "type": "insufficient_quota"}},
    "openai limit": {"error": {"message": "Limit.", "code": "billing_hard_limit_reached"}},
    "anthropic": {
        "error": {
            "type": "invalid_request_error",
            "message": "Your credit balance is too low to access the Anthropic API.",
        }
    },
    "openrouter": {"error": {"code": 402, "message": "Insufficient credits. Add more."}},
    "deepseek": {"error": {"message": "Insufficient Balance", "type": "unknown_error"}},
    "minimax": {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
    "moonshot": {"error": {"type": "exceeded_current_quota_error", "message": "Not now."}},
    "words": {"error": "Out of credits"},
}
MALFORMED: dict[str, Any] = {
    "openai": {"error": {"message": "Too long.", "code": "context_length_exceeded"}},
    "vllm": {"object": "error", "type": "BadRequestError", "message": "no", "code": 400},
    "fastapi": {"detail": [{"type": "extra_forbidden", "loc": ["body", "x"]}]},
}
NO_KEY: dict[str, Any] = {
    "openai": {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}},
    "anthropic": {"error": {"type": "authentication_error", "message": "invalid x-api-key"}},
    "model": {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}},
}


def line(body: Any, status: int = 200) -> bytes:
    response = {"status_code": status, "body": body}
    return json.dumps({"custom_id": "k", "response": response, "error": None}).encode()


@pytest.mark.parametrize("name", PASSING)
def test_an_error_with_http_200_is_tried_again_and_nothing_is_lost(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine, name: str
) -> None:
    body, status = PASSING[name]
    found = error_in_answer(body)
    assert found is not None
    assert found.status == status
    assert found.message

    llm.scripts["hello"] = [f"200 {json.dumps(body)}"]
    outcomes = ask(make_client(llm.url, ledger), [make_request("hello")])
    assert [answer.content for answer in outcomes.answered.values()] == ["answer to hello"]
    batch_ledger = audit(engine)
    assert batch_ledger.attempts == {"failed": 1, "answered": 1}
    assert (batch_ledger.lost, batch_ledger.lost_usd, batch_ledger.consistent) == (0, 0, True)
    assert llm.paid["hello"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *product(OUT_OF_CREDIT.values(), [200, 400, 403, 429]),
        *product(NO_KEY.values(), [200, 401, 404]),
    ],
)
def test_what_no_request_would_pass_ends_the_run_and_the_batch_alike(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine, body: Any, status: int
) -> None:
    llm.always = f"{status} {json.dumps(body)}"
    with pytest.raises(LlmRefused):
        ask(make_client(llm.url, ledger, concurrency=2), [make_request(str(n)) for n in range(12)])
    assert llm.received.total() <= 4
    assert spend(engine).reserved_usd == audit(engine).lost_usd == 0
    found = read_line(line(body, status), "m")
    assert found is not None
    assert refuses_every_line(found)


@pytest.mark.parametrize("body", MALFORMED.values())
def test_a_malformed_request_is_refused_alone(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine, body: Any
) -> None:
    llm.scripts["bad"] = [f"200 {json.dumps(body)}"]
    requests = [make_request("bad"), make_request("good")]
    outcomes = ask(make_client(llm.url, ledger), requests)
    assert list(outcomes.refused) == [requests[0].key]
    assert list(outcomes.answered) == [requests[1].key]
    assert audit(engine).attempts == {"refused": 1, "answered": 1}
    found = read_line(line(body), "m")
    assert isinstance(found, LineFailure)
    assert not refuses_every_line(found)
    assert (found.outcome, found.status) == ("refused", "refused")


def test_an_error_beside_generated_tokens_may_have_been_paid(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    body = {"error": {"code": 500, "message": "cut"}, "usage": {"completion_tokens": 7}}
    llm.scripts["hello"] = [f"200 {json.dumps(body)}"]
    ask(make_client(llm.url, ledger), [make_request("hello")])
    assert audit(engine).attempts == {"lost": 1, "answered": 1}


def test_a_batch_line_with_a_credit_error_of_its_own_ends_the_run() -> None:
    text = json.dumps({"custom_id": "k", "response": None,
                       "error": {"code": "insufficient_quota", "message": "Pay."}})  # fmt: skip
    found = read_line(text.encode(), "m")
    assert found is not None
    assert refuses_every_line(found)


@pytest.mark.parametrize(
    ("status", "body", "words", "param"),
    [
        (400, {"error": {"message": "no", "param": "max_tokens"}}, "no", "max_tokens"),
        (422, {"detail": [{"loc": ["body", "strict"]}]}, '[{"loc":["body","strict"]}]', None),
        (400, {"message": "bad schema"}, "bad schema", None),
        (500, "<html>oops</html>", "<html>oops</html>", None),
        (400, [{"error": {"message": "in a list"}}], "in a list", None),
    ],
)
def test_words_and_parameter_of_a_refusal_are_read(
    status: int, body: Any, words: str, param: str | None
) -> None:
    found = error_in_refusal(body)
    assert found is not None, status
    assert (found.message, found.param) == (words, param)


def test_an_internal_error_that_names_a_parameter_is_a_refusal_of_it() -> None:
    words = 'response_format type must be one of "text" or "json_object", but got: json_schema'
    refused = read_refusal(500, ServerError(500, (), None, words))
    assert isinstance(refused, RequestRefused)
    assert isinstance(read_refusal(500, ServerError(500, (), None, "boom")), TryAgain)
    assert isinstance(read_refusal(503, ServerError(503, (), None, words)), TryAgain)


@pytest.mark.parametrize(
    "body", [completion("x"), completion("x", error=None), completion(None, error={}), {}, [], 3]
)
def test_a_completion_reports_no_error(body: Any) -> None:
    assert error_in_answer(body) is None


def content_of(content: Any, **message: Any) -> str | None:
    body = completion("x")
    body["choices"][0]["message"] = {"role": "assistant", "content": content, **message}
    found = completion_answer(body, "m")
    assert found is not None
    assert not isinstance(found, ServerError)
    return found.content


TASKS = '[{"instruction": "Sum up."}]'
CALL = [{"id": "1", "type": "function", "function": {"name": "answer", "arguments": TASKS}}]


@pytest.mark.parametrize(
    ("content", "message", "expected"),
    [
        ([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}], {}, "Hello"),
        ([{"type": "output_text", "text": "Hello"}], {}, "Hello"),
        (["Hel", "lo"], {}, "Hello"),
        ([{"type": "text", "text": {"value": "Hello", "annotations": []}}], {}, "Hello"),
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "draft"}]},
                {"type": "text", "text": "Hello"},
            ],
            {},
            "Hello",
        ),
        ([{"type": "reasoning", "text": "draft"}, {"type": "text", "text": "Hello"}], {}, "Hello"),
        ({"type": "text", "text": "Hello"}, {}, "Hello"),
        ({"tasks": [{"instruction": "x"}]}, {}, '{"tasks":[{"instruction":"x"}]}'),
        ([{"instruction": "x"}], {}, '[{"instruction":"x"}]'),
        (None, {"reasoning_content": TASKS}, None),
        ("", {"reasoning": TASKS}, ""),
        ([], {}, None),
        ([{"type": "thinking", "thinking": "draft"}], {}, ""),
        (None, {"tool_calls": CALL}, TASKS),
        ("", {"tool_calls": CALL}, TASKS),
        (None, {"function_call": {"name": "answer", "arguments": {"a": 1}}}, '{"a":1}'),
        ("Hello", {"tool_calls": CALL, "reasoning_content": "draft"}, "Hello"),
        (3, {}, None),
    ],
)
def test_every_form_of_a_content_is_read(
    content: Any, message: dict[str, Any], expected: str | None
) -> None:
    assert content_of(content, **message) == expected


def test_a_refusal_may_be_a_part_of_the_content() -> None:
    body = completion("x")
    body["choices"][0]["message"]["content"] = [{"type": "refusal", "refusal": "I will not."}]
    found = completion_answer(body, "m")
    assert found is not None
    assert not isinstance(found, ServerError)
    assert found.refusal == "I will not."


NAMES = ["error", "errors", "code", "type", "message", "choices", "content", "object", "detail"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=8,
)


@given(JSON)
def test_no_body_breaks_the_reader(body: Any) -> None:
    read_completion(json.dumps(body).encode(), "m")
    read_completion(json.dumps({"choices": [{"message": {"content": body}}]}).encode(), "m")
    error_in_refusal(body)
    read_line(line(body), "m")
    read_line(line(body, 400), "m")


def test_a_deep_body_breaks_nothing() -> None:
    deep = b"[" * 900 + b"]" * 900
    body = b'{"choices": [{"message": {"content": ' + deep + b"}}]}"
    read_completion(body, "m")
    text = b'{"custom_id": "k", "response": {"status_code": 200, "body": ' + body + b"}}"
    read_line(text, "m")
