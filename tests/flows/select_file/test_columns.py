"""Columns that a selection goes by are checked by row before any work."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.select.file.columns import Columns, found_columns, read_candidates
from dynosaur_etl.flows.select.file.written import parquet_ready

TEXTS = ["one", None, "", " \t\u00a0", "two", "three"]
ROWS = (0, 4, 5)


def table(**columns: Any) -> pa.Table:
    return pa.table({"text": TEXTS} | columns)


def test_rows_without_text_are_left_out_and_the_others_keep_their_numbers() -> None:
    found = read_candidates(
        table(q=[0.1, 9, None, 9, 0.2, 1], n=[*"abcdef"]), Columns("text", quality="q", ids="n")
    )
    assert found.at.tolist() == [*ROWS]
    assert found.texts == {"text": ["one", "two", "three"]}
    assert found.quality is not None
    assert found.quality.tolist() == [0.1, 0.2, 1.0]
    assert found.ids == ["a", "e", "f"]


@pytest.mark.parametrize(
    "texts",
    [
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.array(TEXTS).dictionary_encode(),
        pa.array([text and text.encode() for text in TEXTS]),
        pa.chunked_array([pa.array(TEXTS[:2]), pa.array([], pa.string()), pa.array(TEXTS[2:])]),
    ],
)
def test_texts_of_every_type_are_texts(texts: Any) -> None:
    rows = parquet_ready(table(text=texts))
    assert read_candidates(rows, Columns("text")).texts["text"] == ["one", "two", "three"]


VECTORS = [[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()),
        pa.large_list(pa.float64()),
        pa.list_(pa.float16(), 2),
        pa.list_view(pa.float32()),
        pa.large_list_view(pa.float32()),
        pa.list_(pa.int8()),
        pa.fixed_shape_tensor(pa.float32(), [2]),
    ],
)
def test_vectors_of_every_type_are_taken(kind: pa.DataType) -> None:
    if isinstance(kind, pa.ExtensionType):
        column = pa.ExtensionArray.from_storage(kind, pa.array(VECTORS, kind.storage_type))
    else:
        column = pa.array([[int(x) for x in row] for row in VECTORS], kind)
    parts = pa.chunked_array([column.slice(0, 1), column.slice(1)])
    found = read_candidates(parquet_ready(pa.table({"v": parts})), Columns(embedding="v")).vectors
    assert found is not None
    assert found.dtype.kind == "f"
    assert found.tolist() == VECTORS


def test_rows_without_a_vector_are_left_out() -> None:
    column = pa.array([None, [1.0], None, [2.0]], pa.list_(pa.float32(), 1))
    found = read_candidates(pa.table({"v": column}), Columns(embedding="v"))
    assert found.at.tolist() == [1, 3]
    assert found.vectors is not None
    assert found.vectors.tolist() == [[1.0], [2.0]]


BAD: list[tuple[dict[str, Any], Columns, str]] = [
    ({"text": [1, 2]}, Columns("text"), "column 'text': received 'int64'; allowed: texts"),
    ({"text": [["a"], ["b"]]}, Columns("text"), "received 'list<item: string>'"),
    ({"text": [b"\xe9", b"x"]}, Columns("text"), "received 'bytes'; allowed: UTF-8 text"),
    ({"text": [None, " "]}, Columns("text"), "received 'nothing in any row'"),
    ({"v": [[1.0], [1.0, 2.0]]}, Columns(embedding="v"), "row 1 has another length than 1"),
    ({"v": [[1.0], [float("nan")]]}, Columns(embedding="v"), "row 1 has a value that is not fin"),
    ({"v": [[1.0], [float("inf")]]}, Columns(embedding="v"), "row 1 has a value that is not fin"),
    ({"v": [[1.0], [0.0]]}, Columns(embedding="v"), "row 1 has a zero vector"),
    ({"v": [[1.0], [None]]}, Columns(embedding="v"), "row 1 has an empty place"),
    ({"v": pa.array([None, []], pa.list_(pa.float32()))}, Columns(embedding="v"), "row 1 has no"),
    ({"v": [None, []]}, Columns(embedding="v"), "received 'list<item: null>'"),
    ({"v": [[[1.0]], [[2.0]]]}, Columns(embedding="v"), "a list of numbers in each row"),
    ({"v": ["[1, 2]", "[3, 4]"]}, Columns(embedding="v"), "received 'string'"),
    ({"v": [["a"], ["b"]]}, Columns(embedding="v"), "received 'list<item: string>'"),
    ({"q": [[0.5], [1.0]]}, Columns("text", quality="q"), "received 'list<item: double>'"),
    ({"q": ["good", "bad"]}, Columns("text", quality="q"), "received 'string'; allowed: numbers"),
    ({"q": [0.5, None]}, Columns("text", quality="q"), "'q': row 1 has no value"),
    ({"q": [0.5, float("nan")]}, Columns("text", quality="q"), "row 1 has nan; allowed: 0 to 1"),
    ({"q": [4.5, 5]}, Columns("text", quality="q"), "row 0 has 4.5; allowed: 0 to 1; divide"),
    ({"q": [0.5, float("inf")]}, Columns("text", quality="q"), "row 1 has inf"),
    ({"c": [1, 0]}, Columns("text", cost="c"), "row 1 has 0.0; allowed: whole numbers from 1"),
    ({"c": [1, 1.5]}, Columns("text", cost="c"), "row 1 has 1.5"),
    ({"n": ["a", "a"]}, Columns("text", ids="n"), "row 1 has 'a', as row 0 has"),
    ({"n": [1, None]}, Columns("text", ids="n"), "'n': row 1 has no value"),
]


@pytest.mark.parametrize(("columns", "names", "words"), BAD)
def test_what_does_not_serve_is_refused_by_its_row(
    columns: dict[str, Any], names: Columns, words: str
) -> None:
    rows = pa.table({"text": ["x", "y"]} | columns)
    with pytest.raises(InvalidInput) as caught:
        read_candidates(rows, found_columns(rows, names))
    assert words in str(caught.value)


def test_a_row_is_named_by_its_number_in_the_input() -> None:
    with pytest.raises(InvalidInput, match="row 5 has 7"):
        read_candidates(table(q=[0.1, None, 3, 3, 0.2, 7]), Columns("text", quality="q"))


def test_the_text_column_is_found_or_what_there_is_is_said() -> None:
    assert found_columns(table(), Columns()).text == "text"
    assert found_columns(table(instruction=TEXTS), Columns()).text == "instruction"
    assert found_columns(table(v=[[1.0]] * 6), Columns(embedding="v")).text is None
    with pytest.raises(InvalidInput, match="--text or --embedding, one of body"):
        found_columns(pa.table({"body": ["x"]}), Columns())
    with pytest.raises(InvalidInput, match="column: received 'no'; allowed: text"):
        found_columns(table(), Columns("no"))


def test_numbers_that_are_written_as_text_or_truth_are_numbers() -> None:
    rows = pa.table({"text": ["x", "y"], "a": ["0.5", "1"], "b": [True, False]})
    for name, expected in (("a", [0.5, 1.0]), ("b", [1.0, 0.0])):
        found = read_candidates(rows, Columns("text", quality=name)).quality
        assert found is not None
        np.testing.assert_array_equal(found, expected)


def test_a_row_of_a_later_part_of_a_column_is_named_too() -> None:
    parts = pa.chunked_array([[[1.0], None], [[2.0], [3.0]], [[4.0], [0.0]]])
    with pytest.raises(InvalidInput, match="row 5 has a zero vector"):
        read_candidates(pa.table({"v": parts}), Columns(embedding="v"))
