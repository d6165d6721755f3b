"""What an instruction asks for and what it says is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.proposals.asking import read_instruction


@pytest.mark.parametrize(
    ("instruction", "asked", "given"),
    [
        (
            "Given a premise and a label, generate a hypothesis.",
            ["hypothesis"],
            ["premise", "label"],
        ),
        ("Identify the system used to generate the summary.", ["system"], []),
        ("Can you write a title for the passage?", ["title"], []),
        ("Given a text, can you predict the URL?", ["url"], ["text"]),
        ("Summarise the article in one sentence.", ["summary"], ["article", "sentence"]),
        ("You are given a review. Decide how positive it is.", ["sentiment"], ["review"]),
        ("Read the ticket and name its urgency.", ["urgency"], ["ticket"]),
        ("Based on the facts, state the holding.", ["holding"], ["facts"]),
        ("Which genre does the book have?", ["genre"], []),
        ("What is the capital of the country?", ["capital"], []),
        ("In which year was it built?", ["year"], []),
        ("Who wrote the letter?", ["person name"], []),
        ("How many pages does it have?", ["number count pages"], []),
        ("Turn the notes into a letter.", ["letter"], ["notes"]),
        ("Rearrange the given words to form a sentence.", ["sentence"], ["words"]),
        ("The task is to split the sentence into two parts.", ["two parts"], ["sentence"]),
        ("Identify the type of bug.", ["type of bug", "bug"], []),
        ("Please kindly now provide the answer.", ["answer"], []),
        ("Determine whether the two texts agree.", [], []),
        ("", [], []),
        ("?!.", [], []),
    ],
)
def test_what_is_asked_and_what_is_given(
    instruction: str, asked: list[str], given: list[str]
) -> None:
    reading = read_instruction(instruction)
    assert list(reading.asked) == asked
    assert [phrase for phrase in reading.given if phrase in given] == given


def test_a_yes_or_no_is_seen() -> None:
    for text in (
        "Determine whether the two texts agree.",
        "Does the second sentence follow from the first?",
        "NLI is the task of determining whether a hypothesis follows.",
        "Given a claim, decide if it is true.",
    ):
        assert read_instruction(text).whether, text
    assert not read_instruction("Name the mood of the text.").whether


def test_things_that_are_given_are_counted() -> None:
    reading = read_instruction("Given the text of a bill, its title and a question, answer it.")
    assert reading.items == ("text", "title", "question")


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    reading = read_instruction(text)
    assert all(phrase.strip() for phrase in (*reading.asked, *reading.given, *reading.mentioned))
