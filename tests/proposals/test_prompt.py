"""The request: what it shows, what it hides, and that no text from the Hub leaves its fence."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.models import Config, Mode
from dynosaur_etl.proposals.prompt import build_request
from dynosaur_etl.proposals.tight import SYSTEM
from tests.proposals.configs import make_config, make_rows
from tests.proposals.injections import INJECTIONS


def build(
    config: Config, rows: list[dict[str, Any]], summary: str = "", mode: Mode = Mode.UNAWARE
) -> ChatRequest:
    request = build_request(summary, config.dataset_id, config, rows, mode, "gpt-4o-mini")
    assert request is not None
    return request


def data_of(request: ChatRequest) -> dict[str, Any]:
    user = request.messages[-1]["content"]
    assert user.count("\n<dataset>\n") == user.count("\n</dataset>\n") == 1
    fenced = user.partition("\n<dataset>\n")[2].rpartition("\n</dataset>\n")[0]
    assert not set("<>&\n") & set(fenced)
    data = json.loads(fenced)
    assert isinstance(data, dict)
    return data


def named(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows with the names of their fields."""
    names = [field["name"] for field in data["fields"]]
    return [dict(zip(names, row, strict=True)) for row in data["rows"]]


def test_the_dataset_is_described_by_its_usable_fields_and_two_rows() -> None:
    request = build(make_config(), make_rows(), "About cafes.", Mode.AWARE)
    data = data_of(request)
    assert data["dataset"] == "riverside/cafe-reviews"
    assert data["summary"] == "About cafes."
    assert [field["name"] for field in data["fields"]] == [
        *("evidence", "question", "answer", "mood", "stars", "source", "empty", "choices"),
    ], "no field is hidden because its name holds 'id', and none with media is shown"
    assert data["fields"][3] == {
        "name": "mood",
        "type": "label",
        "labels": ["good", "bad", "mixed"],
    }
    assert [data["fields"][n]["type"] for n in (4, 7)] == ["int32", "list of strings"]
    assert len(data["rows"]) == 2
    first = named(data)[0]
    assert (first["mood"], first["choices"]) == ("good", ["a", "b"])
    assert data["fields"][0] == {"name": "evidence"}, "text is the type that needs no word"


def test_the_schema_allows_the_shown_fields_only() -> None:
    request = build(make_config(), make_rows())
    schema = request.body()["response_format"]["json_schema"]
    task = schema["schema"]["properties"]["tasks"]["items"]
    names = [field["name"] for field in data_of(request)["fields"]]
    assert schema["strict"] is True
    assert task["properties"]["input_fields"]["items"]["enum"] == names
    assert task["properties"]["output_field"]["enum"] == [n for n in names if n != "choices"]
    assert set(task["required"]) == set(task["properties"])
    assert task["additionalProperties"] is False


TEXT = {"_type": "Value", "dtype": "string"}


def test_nested_text_is_offered_as_an_input_and_shown_as_it_will_be_filled() -> None:
    turns = {"_type": "List", "feature": {"by": TEXT, "said": TEXT}}
    config = make_config({"turns": turns, "topic": TEXT, "scan": {"a": {"_type": "Image"}}})
    told = [{"by": "Ann", "said": "Hi <b>"}, {"by": None, "said": "x" * 500}]
    request = build(config, [{"turns": told, "topic": "t"}, {"turns": None, "topic": "u"}])
    data = data_of(request)
    assert data["fields"] == [{"name": "turns", "type": "structure"}, {"name": "topic"}]
    first, second = named(data)
    assert first["turns"].startswith("turns[0].by is 'Ann'. turns[0].said is 'Hi <b>'. turns[1]")
    assert len(first["turns"]) == 200
    assert second["turns"] is None
    task = request.body()["response_format"]["json_schema"]["schema"]["properties"]["tasks"]
    names = task["items"]["properties"]
    assert names["input_fields"]["items"]["enum"] == ["turns", "topic"]
    assert names["output_field"]["enum"] == ["topic"]


def test_without_a_field_for_the_output_there_is_nothing_to_ask_about() -> None:
    config = make_config({"turns": [{"said": TEXT}], "tags": [TEXT]})
    assert build_request("x", "a/b", config, [], Mode.UNAWARE, "m") is None


def test_only_the_aware_mode_shows_the_summary_and_needs_it() -> None:
    config, rows = make_config(), make_rows()
    assert "summary" not in data_of(build(config, rows, "About cafes.", Mode.UNAWARE))
    assert build_request(" \n", "a/b", config, rows, Mode.AWARE, "m") is None
    assert build_request("", "a/b", config, rows, Mode.UNAWARE, "m") is not None


def test_fewer_than_two_usable_fields_are_nothing_to_ask_about() -> None:
    config = make_config({"text": {"_type": "Value", "dtype": "string"}, "deep": {"a": {}}})
    assert build_request("x", "a/b", config, [], Mode.UNAWARE, "m") is None


def test_modes_and_configs_have_keys_of_their_own() -> None:
    rows = make_rows()
    keys = {
        build(config, rows, "About cafes.", mode).key
        for config in (make_config(), make_config(name="other"))
        for mode in (Mode.AWARE, Mode.UNAWARE)
    }
    assert len(keys) == 4
    assert build(make_config(), rows).key in keys, "the same content has the same key"


def test_values_are_cut_and_never_in_half() -> None:
    rows: list[dict[str, Any]] = [
        {"evidence": "x" * 5000, "question": "😀" * 5000, "choices": ["y" * 5000] * 50},
        {"evidence": 10**400, "question": float("nan"), "choices": [None]},
    ]
    first, second = named(data_of(build(make_config(), rows)))
    assert first["evidence"] == "x" * 199 + "…"
    assert first["question"] == "😀" * 199 + "…"
    assert len(json.dumps(first["choices"])) < 300
    assert len(second["evidence"]) == 200
    assert second["question"] is None


def test_the_rows_with_the_fewest_gaps_are_shown() -> None:
    rows: list[dict[str, Any]] = [{"answer": "only"}, *make_rows(3)]
    shown = named(data_of(build(make_config(), rows)))
    assert [row["answer"] for row in shown] == ["answer 0", "answer 1"]


@pytest.mark.parametrize(
    "value", [datetime(2020, 1, 1, tzinfo=UTC), Decimal("1.5"), b"\xff", {"a": 1}, float("inf")]
)
def test_values_of_any_type_can_be_shown(value: Any) -> None:
    data_of(build(make_config(), [{"evidence": value, "mood": value, "choices": [value]}]))


def test_a_wide_config_is_cut_and_says_so() -> None:
    features = {f"column {n}": {"_type": "Value", "dtype": "string"} for n in range(500)}
    features |= {"n" * 300: {"_type": "Value", "dtype": "string"}}
    request = build(make_config(features), [dict.fromkeys(features, "z" * 900)] * 3)
    data = data_of(request)
    assert len(data["fields"]) == 60
    assert data["fields_left_out"] == 441
    assert len(request.messages[-1]["content"]) < 12_000


def test_many_labels_are_cut_and_counted() -> None:
    names = [f"label number {n}" for n in range(217)]
    features = {
        "act": {"_type": "ClassLabel", "names": names},
        "text": {"_type": "Value", "dtype": "string"},
    }
    [act, _] = data_of(build(make_config(features), []))["fields"]
    assert len(act["labels"]) == 20
    assert act["labels_in_all"] == 217


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_that_imitates_the_fence_stays_inside(text: str) -> None:
    features = {
        text: {"_type": "Value", "dtype": "string"},
        "label": {"_type": "ClassLabel", "names": [text, "other"]},
        "answer": {"_type": "Value", "dtype": "string"},
    }
    config = Config(text, "0" * 40, text, features, {})
    rows = [{text: text, "label": 0, "answer": text}]
    request = build(config, rows, text, Mode.AWARE)
    harmless = build(make_config(), make_rows(), "About cafes.", Mode.AWARE)

    data = data_of(request)
    assert set(data) <= {"dataset", "config", "summary", "fields", "fields_left_out", "rows"}
    assert request.messages[0] == harmless.messages[0] == {"role": "system", "content": SYSTEM}
    assert [message["role"] for message in request.messages] == ["system", "user"]
    assert (
        request.messages[1]["content"].rpartition("\n</dataset>\n")[2]
        == (harmless.messages[1]["content"].rpartition("\n</dataset>\n")[2])
    )
    json.dumps(request.body(), ensure_ascii=False).encode()


@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_stays_inside_the_fence(name: str, summary: str, value: str, label: str) -> None:
    features = {
        name: {"_type": "Value", "dtype": "string"},
        "b": {"_type": "ClassLabel", "names": [label]},
        "c": {"_type": "Value", "dtype": "string"},
    }
    request = build(make_config(features), [{name: value, "b": 0, "c": value}], summary)
    data_of(request)
    assert request.key == build(make_config(features), [{name: value, "b": 0, "c": value}]).key
