from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.instances.organise import FilledRows
from dynosaur_etl.instances.pii import Handling, find_pii, masked, rows_with_pii
from tests.instances.test_organise import fill, rows

PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to a.b+c@mail.example.co.uk.", "write to <EMAIL>."),
        ("(x@y.org) <Ann@example.com>", "(<EMAIL>) <<EMAIL>>"),
        ("call +44 20 7946 0958 now", "call <PHONE> now"),
        ("call (650) 253-0000 or 650-253-0000", "call <PHONE> or <PHONE>"),
        ("from 8.8.8.8, 2001:db8::8a2e:370:7334", "from <IP>, <IP>"),
        ("id AKIAIOSFODNN7EXAMPLE", "id <KEY>"),
        ("ghp_" + "a1B2" * 9, "<KEY>"),
        (f"my key:\n{PRIVATE_KEY}\nbye", "my key:\n<KEY>\nbye"),
    ],
)
def test_what_is_found_is_masked_by_its_kind(text: str, left: str) -> None:
    assert masked(text, find_pii(text)) == left
    assert list(rows_with_pii(pa.array(["", text, None]))) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@decorator and @mention, a@b and user@localhost",
        "in 2014 2015 2016, 1-2-3, 10.5 of 3000",
        "born 12.05.1987 or 12/05/1987, ISBN 978-3-16-148410-0",
        "6502530000 is a number",
        "(000) 123-4567 is not given out",
        "127.0.0.1, 0.0.0.0, 999.1.1.1, 1.2.3 and 1.2.3.4.5",
        "at 12:30:45 std::vector<int> a::b",
        "sk-learn, eyJust, PRIVATE KEYS are private",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert find_pii(text) == []


@given(st.text(max_size=30), st.text(max_size=30))
def test_spans_stand_in_order_inside_the_text_and_what_is_masked_is_clean(
    before: str, after: str
) -> None:
    text = f"{before} a@b.org {after}"
    spans = find_pii(text)
    assert any(span.kind == "email" for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert "a@b.org" not in masked(text, spans)


@given(st.text(alphabet="0123456789abcdef@.:-+()_ ABKIEY", max_size=40))
def test_the_quick_look_misses_nothing_that_the_close_one_finds(text: str) -> None:
    assert bool(rows_with_pii(pa.array([text]))) == bool(find_pii(text))


def handled(how: Handling) -> FilledRows:
    table = rows(["mail a@b.org from 8.8.8.8", "plain", "a@b.org"], ["c", "c", "c"], [1, 0, 1])
    return fill(table, pii=how)


def test_flagged_instances_name_the_kinds_and_keep_their_text() -> None:
    filled = handled(Handling.FLAG).instances
    assert filled["pii"].to_pylist() == ["email, ip", "", "email"]
    assert filled["input"][2].as_py() == "question is 'a@b.org'. context is 'c'."


def test_masked_instances_have_keys_of_what_they_hold() -> None:
    masked_instances = handled(Handling.MASK).instances
    assert masked_instances["input"].to_pylist() == [
        "question is 'mail <EMAIL> from <IP>'. context is 'c'.",
        "question is 'plain'. context is 'c'.",
        "question is '<EMAIL>'. context is 'c'.",
    ]
    assert masked_instances["pii"].to_pylist() == ["email, ip", "", "email"]
    keys, before = (
        filled.instances["instance_key"].to_pylist()
        for filled in (handled(Handling.MASK), handled(Handling.OFF))
    )
    assert [key == other for key, other in zip(keys, before, strict=True)] == [False, True, False]


def test_dropped_instances_are_rejected_with_what_was_found() -> None:
    filled = handled(Handling.DROP)
    assert filled.instances["row"].to_pylist() == [11]
    assert filled.rejected == {
        (Reason.PERSONAL_DATA, "email, ip"): 1,
        (Reason.PERSONAL_DATA, "email"): 1,
    }


def test_what_is_off_costs_and_says_nothing() -> None:
    assert set(handled(Handling.OFF).instances["pii"].to_pylist()) == {""}
