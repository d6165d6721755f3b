import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.instances.render import MAX_CHARACTERS, cut, render_input, render_output


def column(values: list[object], kind: pa.DataType | None = None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


@pytest.mark.parametrize(
    ("kind", "values", "arrow", "texts"),
    [
        (FieldKind.TEXT, [" a b\n", None, ""], pa.string(), ["a b", None, ""]),
        (FieldKind.NUMBER, [3, None, -1], pa.int64(), ["3", None, "-1"]),
        (FieldKind.NUMBER, [0.1, 2.0], pa.float32(), ["0.1", "2"]),
        (FieldKind.NUMBER, [float("nan"), float("inf"), 1.5], pa.float64(), [None, None, "1.5"]),
        (FieldKind.BOOLEAN, [True, False, None], pa.bool_(), ["true", "false", None]),
        (FieldKind.TIME, [0], pa.timestamp("s"), ["1970-01-01 00:00:00"]),
    ],
)
def test_scalars_are_written_as_text_and_null_stays_null(
    kind: FieldKind, values: list[object], arrow: pa.DataType, texts: list[str | None]
) -> None:
    assert render_output(Field("f", kind), column(values, arrow)) == texts


def test_a_class_label_becomes_its_name_and_minus_one_is_no_class() -> None:
    mood = Field("mood", FieldKind.LABEL, ("bad", "good"))
    assert render_output(mood, column([1, 0, -1, 2, None])) == ["good", "bad", None, None, None]


def test_lists_of_text_are_quoted_and_choices_lettered() -> None:
    rows = column([["x", "it's"], [], None, ["a", None]], pa.list_(pa.string()))
    assert render_input(Field("tags", FieldKind.TEXT_LIST), rows) == [
        "'x', 'it's'.", None, None, None,
    ]  # fmt: skip
    assert render_input(Field("answer_choices", FieldKind.TEXT_LIST), rows)[0] == (
        "A. 'x', B. 'it's'."
    )


def test_letters_go_on_after_z() -> None:
    many = column([[str(n) for n in range(28)]], pa.list_(pa.string()))
    [text] = render_input(Field("options", FieldKind.TEXT_LIST), many)
    assert text is not None
    assert "Z. '25', AA. '26', AB. '27'." in text


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_cut_text_is_a_beginning_of_the_text_within_the_limit(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert text.startswith(short)
    assert len(short) <= limit
    assert short == text or len(text) > limit


def test_a_cut_falls_between_words_and_one_endless_word_is_cut_inside() -> None:
    assert cut("one two three", 9) == "one two"
    assert cut("one two three", 7) == "one two"
    assert cut("abcdefghij", 4) == "abcd"
    assert len(render_output(Field("f", FieldKind.TEXT), column(["x" * 70_000]))[0] or "") == (
        MAX_CHARACTERS
    )
