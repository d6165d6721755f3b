"""What the demo LLM proposes for fields of many names and types."""

import pytest

from demo.llm_reading import Field, Offer
from demo.llm_rules import propose


def offer(*fields: Field) -> Offer:
    return Offer("owner/some-things", fields)


@pytest.mark.parametrize(
    ("fields", "inputs", "output"),
    [
        (("context", "question", "answer"), ["question", "context"], "answer"),
        (("premise", "hypothesis", "label"), ["premise", "hypothesis"], "label"),
        (("article", "highlights"), ["article"], "highlights"),
        (("source", "target"), ["source"], "target"),
        (("meaning_representation", "human_reference"), ["meaning_representation"], None),
        (("tweet", "emotion"), ["tweet"], "emotion"),
        (("code", "docstring"), ["code"], "docstring"),
        (("alpha", "beta"), ["alpha"], "beta"),
    ],
)
def test_first_task_follows_the_field_names(
    fields: tuple[str, ...], inputs: list[str], output: str | None
) -> None:
    first = propose(offer(*map(Field, fields)), "0" * 24)[0]
    assert first["input_fields"] == inputs
    assert first["output_field"] == (output or "human_reference")


def test_a_list_may_be_read_but_is_never_written() -> None:
    listed = Field("ingredients", "list[string]")
    tasks = propose(offer(listed, Field("title")), "0" * 24)
    assert [(t["input_fields"], t["output_field"]) for t in tasks] == [(["ingredients"], "title")]


def test_a_declared_label_goes_before_one_that_only_has_the_name() -> None:
    fields = (Field("review"), Field("stars", "int64"), Field("tone", "ClassLabel", ("a", "b")))
    assert propose(offer(*fields), "0" * 24)[0]["output_field"] == "tone"


@pytest.mark.parametrize(("output", "expected"), [("article", "an article"), ("story", "a story")])
def test_instructions_have_the_right_article(output: str, expected: str) -> None:
    fields = offer(Field("summary"), Field(output))
    wordings = [propose(fields, f"{number:08x}") for number in range(2)]
    written = [t["instruction"] for tasks in wordings for t in tasks if t["output_field"] == output]
    assert any(expected in instruction for instruction in written)


@pytest.mark.parametrize("name", ["", "{}", "{0}", "ünï", "_"])
def test_odd_field_names_break_nothing(name: str) -> None:
    task = propose(offer(Field(name), Field("label")), "0" * 24)[0]
    assert (task["input_fields"], task["output_field"]) == ([name], "label")


@pytest.mark.parametrize(
    "useless",
    [Field("steps", examples=([{"n": 1}],)), Field("row_id"), Field("b", examples=(None, ""))],
)
def test_nested_empty_and_identifying_fields_are_left_alone(useless: Field) -> None:
    assert propose(offer(Field("text"), useless), "0" * 24) == []
