import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.batch import LineAnswer, LineFailure
from dynosaur_etl.domain.ledger import AttemptOutcome, RequestStatus
from dynosaur_etl.llm.batch_lines import (
    batch_line,
    cut_lines,
    cut_shards,
    read_line,
    refuses_every_line,
)
from tests.llm.asking import make_request
from tests.llm.faulty_llm import completion


def line(**parts: Any) -> bytes:
    return json.dumps({"custom_id": "k", "response": None, "error": None, **parts}).encode()


def response(status: int, body: Any) -> dict[str, Any]:
    return {"response": {"status_code": status, "body": body}}


def test_a_line_holds_the_key_and_the_body_that_a_live_request_sends() -> None:
    request = make_request("ünï\ncode")
    text = batch_line(request.key, request.body())
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    assert json.loads(text) == {
        "custom_id": request.key,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": request.body(),
    }


@given(st.lists(st.tuples(st.text(max_size=30), st.sampled_from("ab")), max_size=30),
       st.integers(1, 7), st.integers(1, 1500))  # fmt: skip
def test_shards_hold_everything_in_order_and_keep_every_limit(
    asked: list[tuple[str, str]], lines: int, size: int
) -> None:
    requests = [make_request(text, model=model) for text, model in asked]
    shards = list(cut_shards(requests, lines, size))
    assert [request for shard in shards for request in shard] == requests
    for shard in shards:
        length = sum(len(batch_line(request.key, request.body())) for request in shard)
        assert 1 <= len(shard) <= lines
        assert length <= size or len(shard) == 1
        assert len({request.model for request in shard}) == 1


@given(st.lists(st.binary(max_size=20)), st.integers(1, 9))
def test_lines_are_the_same_however_the_file_is_cut(parts: list[bytes], size: int) -> None:
    content = b"\n".join(parts)
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    expected = content.split(b"\n")
    assert list(cut_lines(chunks)) == (expected if expected[-1] else expected[:-1])


def test_a_line_that_is_too_long_is_left_out_and_the_next_is_read() -> None:
    long = [b"x" * 3_000_000] * 4
    assert list(cut_lines([b"a\n", *long, b"\nb\n", b"c"])) == [b"a", b"b", b"c"]
    assert list(cut_lines([b"a\n", *long])) == [b"a"]


def test_an_answer_is_read_like_a_live_one() -> None:
    found = read_line(line(**response(200, completion("yes", model=None))), "asked-for")
    assert isinstance(found, LineAnswer)
    assert (found.key, found.answer.content, found.answer.model) == ("k", "yes", "asked-for")


FAILED, REFUSED = AttemptOutcome.FAILED, AttemptOutcome.REFUSED


@pytest.mark.parametrize(
    ("parts", "outcome", "status", "words"),
    [
        (response(500, {}), FAILED, RequestStatus.FAILED, "HTTP 500"),
        (response(429, {"error": {"message": "slow"}}), FAILED, RequestStatus.FAILED, "slow"),
        (response(400, {"error": {"message": "bad"}}), REFUSED, RequestStatus.REFUSED, "bad"),
        (response(404, {}), REFUSED, RequestStatus.FAILED, "HTTP 404"),
        (
            response(429, {"error": {"code": "insufficient_quota"}}),
            REFUSED, RequestStatus.FAILED, "429",
        ),
        (response(200, {"choices": []}), FAILED, RequestStatus.FAILED, "no chat completion"),
        (response(200, "<html>"), FAILED, RequestStatus.FAILED, "no chat completion"),
        (
            {"error": {"code": "batch_expired", "message": "too late"}},
            FAILED, RequestStatus.FAILED, "batch_expired: too late",
        ),
        ({"error": "what"}, FAILED, RequestStatus.FAILED, "what"),
        ({"response": {"status_code": "200"}}, FAILED, RequestStatus.FAILED, "nothing was said"),
    ],
)  # fmt: skip
def test_a_failed_line_is_judged_like_a_failed_live_request(
    parts: dict[str, Any], outcome: AttemptOutcome, status: RequestStatus, words: str
) -> None:
    found = read_line(line(**parts), "m")
    assert isinstance(found, LineFailure)
    assert (found.key, found.outcome, found.status) == ("k", outcome, status)
    assert words in found.error
    every = outcome == REFUSED and status == RequestStatus.FAILED
    assert refuses_every_line(found) == every


@pytest.mark.parametrize("text", [b"", b"no json", b"[]", b"{}", b'{"custom_id": 3}', b"[" * 9999])
def test_a_line_without_a_key_is_no_line(text: bytes) -> None:
    assert read_line(text, "m") is None


PARTS = ["custom_id", "response", "status_code", "body", "error", "choices", "message", "usage"]
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(PARTS), inner),
    max_leaves=8,
)


@given(JSON)
def test_no_line_breaks_the_reader(value: Any) -> None:
    read_line(json.dumps(value).encode(), "m")
    read_line(line(response={"status_code": 200, "body": value}), "m")
    read_line(line(response=value, error=value), "m")
