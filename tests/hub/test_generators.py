"""Who wrote a set, as far as it says so."""

from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.hub.generators import generators_of, tags_of_generation, words_of_generation


@pytest.mark.parametrize(
    ("columns", "is_form", "models"),
    [
        ({"Generator": ["gpt-4o", "claude-3", "gpt-4o", None]}, False, ("gpt-4o", "claude-3")),
        ({"model": ["vicuna-13b"], "generator": [" a \n b "]}, True, ("a b", "vicuna-13b")),
        ({"model": ["Corolla", "Golf"]}, False, ()),
        ({"generator": [1, 2]}, True, ()),
        ({"generator": [f"m{n}" for n in range(9)]}, True, ("m0", "m1", "m2", "m3", "m4")),
        ({"text": ["gpt-4"]}, True, ()),
        ({"generator": ["x" * 100]}, True, ("x" * 59 + "…",)),
    ],
)
def test_rows_name_their_writers(
    columns: dict[str, list[Any]], is_form: bool, models: tuple[str, ...]
) -> None:
    assert generators_of(pa.table(columns), is_form) == models


def test_tags_say_that_a_model_wrote() -> None:
    assert tags_of_generation(["Synthetic", "license:mit", "distilabel"]) == (
        "Synthetic", "distilabel",
    )  # fmt: skip


def test_what_is_said_is_worded_and_else_nothing() -> None:
    assert words_of_generation((), ()) == []
    assert words_of_generation(("gpt-4o",), ("synthetic",)) == [
        "written by gpt-4o, as its rows say", "tagged synthetic",
    ]  # fmt: skip
