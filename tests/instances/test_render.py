"""Both sets of rules, kind by kind; tests/instances/test_golden.py holds whole configs."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.features import fields_of
from dynosaur_etl.instances.organise import RULES
from dynosaur_etl.instances.rules import Column

TEXT = {"dtype": "string", "_type": "Value"}
TEXTS = {"feature": TEXT, "_type": "List"}
MOOD = {"names": ["bad", " good "], "_type": "ClassLabel"}


def value(dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "_type": "Value"}


def column(name: str, feature: Any, values: list[Any], kind: pa.DataType | None = None) -> Column:
    [field] = fields_of({name: feature})
    return Column(field, feature, pa.array(values, kind))


def inputs(rules: str, *columns: Column) -> list[str | None]:
    texts = [RULES[rules].input_text(each) for each in columns]
    joined: list[str | None] = RULES[rules].join(columns, texts).to_pylist()
    return joined


@pytest.mark.parametrize(
    ("dtype", "values", "arrow", "default", "paper"),
    [
        ("string", [" a b\n", None, ""], pa.string(), ["a b", None, ""], ["a b", None, ""]),
        ("large_string", ["é\u3000"], pa.large_string(), ["é"], ["é"]),
        ("int64", [3, None, -1], pa.int64(), ["3", None, "-1"], ["3", None, "-1"]),
        ("float32", [0.1, 2.0], pa.float32(), ["0.1", "2"], ["0.10000000149011612", "2.0"]),
        ("float64", [float("nan"), 1e20], pa.float64(), [None, "1e+20"], ["nan", "1e+20"]),
        ("float64", [float("inf"), 1.5], pa.float64(), [None, "1.5"], ["inf", "1.5"]),
        ("bool", [True, False, None], pa.bool_(), ["true", "false", None], ["True", "False", None]),
        ("timestamp[s]", [0], pa.timestamp("s"), ["1970-01-01 00:00:00"], [None]),
    ],
)
def test_scalars_are_written_as_text_and_null_stays_null(
    dtype: str, values: list[Any], arrow: pa.DataType, default: list[Any], paper: list[Any]
) -> None:
    field = column("f", value(dtype), values, arrow)
    assert RULES["default"].output_text(field).to_pylist() == default
    assert RULES["paper"].output_text(field).to_pylist() == paper
    assert inputs("default", field) == default
    assert inputs("paper", field) == paper


@pytest.mark.parametrize("rules", sorted(RULES))
def test_a_class_label_becomes_its_name_and_minus_one_is_no_class(rules: str) -> None:
    mood = column("mood", MOOD, [1, 0, -1, 2, None], pa.int64())
    assert RULES[rules].output_text(mood).to_pylist() == ["good", "bad", None, None, None]


@pytest.mark.parametrize("rules", sorted(RULES))
def test_an_output_of_truth_values_is_written_as_its_label_space(rules: str) -> None:
    truth = column("truth", value("bool"), [True, None, False], pa.bool_())
    rendered = RULES[rules].render([truth], truth, ("false", "true"))
    assert rendered.output.to_pylist() == ["true", None, "false"]


def test_lists_of_text_are_quoted_and_choices_lettered() -> None:
    values = [["x", "it's"], [], None, ["a", None], ["solo"]]
    tags = column("tags", TEXTS, values)
    choices = column("answer_choices", TEXTS, values)
    assert inputs("default", tags) == ["'x', 'it's'", None, None, None, "'solo'"]
    assert inputs("paper", tags) == ["'x', 'it's'. ", None, None, None, "'solo'. "]
    assert inputs("default", choices) == ["A. 'x', B. 'it's'", None, None, None, "A. 'solo'"]
    assert inputs("paper", choices) == [" A. 'x', B. 'it's'.", None, None, None, " A. 'solo'."]


def test_several_fields_are_named_and_lists_follow_their_rules() -> None:
    fields = (
        column("question", TEXT, [" Why? "]),
        column("choices", TEXTS, [["x", "y"]]),
        column("tags", TEXTS, [["t"]]),
        column("year", value("int32"), [1999]),
    )
    assert inputs("default", *fields) == [
        "question is 'Why?'. choices is A. 'x', B. 'y'. tags is 't'. year is '1999'."
    ]
    assert inputs("paper", *fields) == ["question is 'Why?'.  A. 'x', B. 'y'.'t'. year is '1999'. "]


def test_the_default_letters_options_too_and_goes_on_after_z() -> None:
    many = [[str(n) for n in range(28)]]
    [text] = inputs("default", column("Options", TEXTS, many))
    assert text is not None
    assert text.endswith("Z. '25', AA. '26', AB. '27'")
    assert inputs("paper", column("options", TEXTS, [["a"]])) == ["'a'. "]
    [paper] = inputs("paper", column("choices", TEXTS, many))
    assert paper is not None
    assert "Z. '25', [. '26', \\. '27'." in paper


def test_lists_of_a_slice_are_those_of_its_rows() -> None:
    whole = column("tags", TEXTS, [["a"], ["b", "c"], None, ["d"]])
    part = Column(whole.field, whole.feature, whole.values.slice(1, 3))
    assert inputs("default", part) == ["'b', 'c'", None, "'d'"]


@given(st.lists(st.none() | st.lists(st.none() | st.text(max_size=3), max_size=4), max_size=8))
def test_lists_are_written_as_a_loop_over_rows_would(values: list[list[str | None] | None]) -> None:
    expected = [
        None if not items or None in items else ", ".join(f"'{item}'" for item in items)
        for items in values
    ]
    tags = column("tags", TEXTS, values, pa.list_(pa.string()))
    assert inputs("default", tags) == expected


def test_of_a_list_without_end_no_more_is_written_than_fits() -> None:
    [text] = inputs("default", column("choices", TEXTS, [["x"] * 70_000]))
    assert text is not None
    assert len(text) <= 2000
    assert text.startswith("A. 'x', B. 'x', ")


def test_of_fields_that_are_too_long_together_each_keeps_its_share() -> None:
    context = column("context", TEXT, ["word " * 14_000, "short"])
    question = column("question", TEXT, ["What is it?", "What is it?"])
    long, short = inputs("default", context, question)
    assert long is not None
    assert long.startswith("context is 'word word")
    assert long.endswith("word'. question is 'What is it?'.")
    assert 1990 <= len(long) <= 2000
    assert short == "context is 'short'. question is 'What is it?'."
    paper = inputs("paper", context, question)
    assert paper[0] == ("context is '" + "word " * 14_000)[:2000]


def test_an_output_is_cut_by_either_rule() -> None:
    long = column("answer", TEXT, ["word " * 14_000, "x" * 2000])
    assert RULES["default"].output_text(long).to_pylist() == [("word " * 400).strip(), "x" * 2000]
    assert RULES["paper"].output_text(long).to_pylist() == [("word " * 400), "x" * 2000]


ANSWERS = {
    "feature": {"text": TEXT, "answer_start": value("int32"), "right": MOOD},
    "_type": "Sequence",
}
TURNS = [{"speaker": TEXT, "said": TEXTS}]
META = {"author": {"name": TEXT, "age": value("float64")}, "checked": value("bool")}


@pytest.mark.parametrize(
    ("feature", "row", "text"),
    [
        (
            ANSWERS,
            {"text": ["Paris", "in Paris"], "answer_start": [5, 2], "right": [1, 0]},
            "f.text is 'Paris', 'in Paris'. f.answer_start is '5', '2'. f.right is 'good', 'bad'.",
        ),
        (
            TURNS,
            [{"speaker": "A", "said": ["hi", "ho"]}, {"speaker": None, "said": []}],
            "f[0].speaker is 'A'. f[0].said is 'hi', 'ho'.",
        ),
        (
            META,
            {"author": {"name": " Ann ", "age": 3.0}, "checked": False},
            "f.author.name is 'Ann'. f.author.age is '3'. f.checked is 'false'.",
        ),
        (META, {"author": {"name": None, "age": float("nan")}, "checked": None}, None),
        ([[TEXT]], [["a"], ["b", "c"]], "f[0] is 'a'. f[1] is 'b', 'c'."),
    ],
)
def test_nested_plain_text_is_flattened(feature: Any, row: Any, text: str | None) -> None:
    nested = column("f", feature, [row, None])
    assert nested.field.flattens
    assert inputs("default", nested) == [text, None]
    assert inputs("paper", nested) == [None, None]


def test_a_nested_field_needs_no_frame_beside_others() -> None:
    nested = column("f", TURNS, [[{"speaker": "A", "said": ["hi"]}]])
    title = column("title", TEXT, ["Talk"])
    assert inputs("default", title, nested) == [
        "title is 'Talk'. f[0].speaker is 'A'. f[0].said is 'hi'."
    ]


@pytest.mark.parametrize(
    "feature",
    [
        {"a": value("int32")},
        {"a": TEXT, "b": value("binary")},
        {"a": TEXT, "b": {"_type": "Image"}},
        {"feature": value("int64"), "_type": "List"},
        {"languages": ["de", "en"], "_type": "Translation"},
    ],
)
def test_what_holds_no_text_or_media_too_is_not_flattened(feature: Any) -> None:
    [field] = fields_of({"f": feature})
    assert not field.flattens
    assert not field.can_be_input
