"""The parts of nested fields that an LLM is offered as fields of their own, and their values."""

import json
from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.domain.features import FieldKind
from dynosaur_etl.domain.models import Config
from dynosaur_etl.hub.config_columns import columns_of
from dynosaur_etl.hub.nested_fields import MOST_PARTS, NO_JSON, with_parts
from dynosaur_etl.hub.rows import ConfigSample

ROWS = 10
TEXT = {"dtype": "string", "_type": "Value"}


def opened(features: dict[str, Any] | None = None, **cells: Any) -> ConfigSample:
    """The sample with parts that rows of these columns become."""
    table = pa.table({name: cell if isinstance(cell, pa.Array) else pa.array(cell)
                      for name, cell in cells.items()})  # fmt: skip
    known = features or columns_of(table.schema, None).as_json
    places = {"__split__": ["train"] * table.num_rows, "__row__": list(range(table.num_rows))}
    whole = pa.table({**dict(zip(table.column_names, table.columns, strict=True)), **places})
    return with_parts(ConfigSample(Config("a/b", "c" * 40, "default", known, {}), whole))


def parts(sample: ConfigSample) -> dict[str, Any]:
    """The first row's value of each part."""
    return {
        one.name: sample.table[one.name][0].as_py() for one in sample.config.fields if one.part_of
    }


def values(of: Any) -> list[Any]:
    return [of(n) for n in range(ROWS)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (values(lambda n: {"by": "Ann", "at": n}), {"f.by": "Ann"}),
        (values(lambda _: {"a": {"b": {"c": "deep"}}}), {"f.a.b.c": "deep"}),
        (values(lambda _: {"a.b": "x", "c": "y"}), {"f['a.b']": "x", "f.c": "y"}),
        (values(lambda n: [{"q": "why", "a": f"since {n}"}, {"q": "b", "a": "c"}]),
         {"f[0].q": "why", "f[0].a": "since 0"}),
        (values(lambda _: {"turns": [{"said": "Hi"}]}), {"f.turns[0].said": "Hi"}),
        (values(lambda _: {"text": ["Oslo", "in Oslo", "oslo"], "start": [1, 2, 3]}),
         {"f.text[*]": "Oslo"}),
        (values(lambda _: ["red", "deep blue", "red"]), {"f[*]": "red, deep blue"}),
        (values(lambda n: [f"A sentence, and {n} more.", "Another one."]), {}),
        (values(lambda n: [] if n % 3 else ["red"]), {}),
        (values(lambda _: [1.5, 2.5]), {}),
        (values(lambda n: {"ok": n % 2 == 0, "none": None, "say": "x"}),
         {"f.ok": "true", "f.say": "x"}),
        (values(lambda n: {"say": None if n % 2 else " x "}), {"f.say": "x"}),
        (values(lambda n: {"say": "x" if n == 0 else ""}), {}),
    ],
)  # fmt: skip
def test_parts_stand_under_their_paths(column: list[Any], expected: dict[str, str]) -> None:
    assert parts(opened(f=column, beside=values(str))) == expected


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        (values(lambda n: json.dumps({"mood": "sad", "n": n})), FieldKind.NESTED,
         {"f.mood": "sad"}),
        (values(lambda n: json.dumps({"a": "x"} | ({"b": "y"} if n % 2 == 0 else {}))),
         FieldKind.NESTED, {"f.a": "x", "f.b": "y"}),
        (values(lambda _: json.dumps([{"a": "x"}, {"b": "y"}])), FieldKind.NESTED,
         {"f[0].a": "x"}),
        (values(lambda _: json.dumps(["Ann", "Bob"])), FieldKind.TEXT_LIST, {"f[*]": "Ann, Bob"}),
        (values(lambda n: f'"{n}"'), FieldKind.TEXT, {}),
        (values(lambda _: "[removed]"), FieldKind.TEXT, {}),
        (values(lambda n: json.dumps({"n": n})), FieldKind.TEXT, {}),
        (values(lambda n: json.dumps({f"key {n} {at}": "x" for at in range(9)})),
         FieldKind.TEXT, {}),
        (values(lambda n: json.dumps({"a": n if n % 2 else "x"})), FieldKind.TEXT, {}),
        (values(lambda _: "[" * 4000), FieldKind.TEXT, {}),
    ],
)  # fmt: skip
def test_json_in_texts_is_read_where_it_holds_texts(
    column: list[str], kind: FieldKind, expected: dict[str, str]
) -> None:
    sample = opened(f=column, beside=values(str))
    assert sample.config.fields[0].kind is kind
    assert parts(sample) == expected


def test_json_of_the_hub_s_own_type_is_read_and_what_is_none_is_counted() -> None:
    texts = [json.dumps({"mood": f"m {n}"}) for n in range(19)] + ["no JSON"]
    features = {"f": {"_type": "Json"}, "beside": TEXT}
    sample = opened(features, f=texts, beside=list(map(str, range(20))))
    assert sample.table["f.mood"].to_pylist() == [f"m {n}" for n in range(19)] + [None]
    assert [(one.field, one.why, one.number) for one in sample.unreadable] == [("f", NO_JSON, 1)]


def test_a_label_in_a_structure_keeps_its_names() -> None:
    mood = {"names": ["sad", "glad"], "_type": "ClassLabel"}
    features = {"f": {"mood": mood, "say": TEXT}, "beside": TEXT}
    sample = opened(features, f=values(lambda n: {"mood": n % 2, "say": "x"}), beside=values(str))
    field = next(one for one in sample.config.fields if one.name == "f.mood")
    assert (field.kind, field.labels, field.part_of) == (FieldKind.LABEL, ("sad", "glad"), "f")
    assert sample.table["f.mood"].to_pylist() == [0, 1] * 5


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([0, 1, 2] * 3, ["Ann", "Bob", "Cid"] * 3),
        ([1, 2, 3] * 3, ["Ann", "Bob", "Cid"] * 3),
        (["0", "1", "2"] * 3, ["Ann", "Bob", "Cid"] * 3),
        (["C", "b", "A."] * 3, ["Cid", "Bob", "Ann"] * 3),
        (["Ann", "Bob", "Cid"] * 3, ["Ann", "Bob", "Cid"] * 3),
        ([0, 1, None] * 3, ["Ann", "Bob", None] * 3),
        (["Dora", "Emil", "A"] * 3, ["Dora", "Emil", "A"] * 3),
    ],
)
def test_an_answer_by_its_index_becomes_its_text(answers: list[Any], expected: list[Any]) -> None:
    names = ["Ann", "Bob", "Cid"]
    beside = {"story": list("abcdefghi")}
    flat = opened(answer=answers, options=[names] * 9, **beside)
    assert flat.table["answer"].to_pylist() == expected
    inside = [{"options": names, "answer": answer} for answer in answers]
    nested = opened(item=inside, **beside)
    assert nested.table["item.answer"].to_pylist() == expected
    assert nested.table["item.options"].to_pylist() == [names] * 9
    marked = [{"text": name, "label": name[0]} for name in names]
    listed = opened(answer=answers, item=[{"choices": marked}] * 9, **beside)
    if expected != answers:
        assert listed.table["answer"].to_pylist()[:2] != answers[:2]


def test_a_number_in_a_structure_that_names_no_choice_is_no_part() -> None:
    assert "item.label" not in parts(opened(item=values(lambda n: {"label": n, "say": "x"})))


def test_no_part_takes_the_name_of_a_column_and_no_set_grows_without_bound() -> None:
    sample = opened(f=values(lambda _: {"by": "part"}), **{"f.by": values(lambda _: "column")})
    assert parts(sample) == {}
    assert sample.table["f.by"].to_pylist() == ["column"] * ROWS
    wide = opened(f=values(lambda _: {f"p{at}": "x" for at in range(45)}))
    assert len(parts(wide)) == MOST_PARTS
