import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.quality.rating import read_rating

READ = [
    ("4.5", 4.5),
    ("4.5/5", 4.5),
    ("Score: 4.5", 4.5),
    ("Score:4.5", 4.5),
    ("**Score:** 4.5/5\n\nIt is fine.", 4.5),
    ("# 4.5", 4.5),
    ("```\n4\n```", 4.0),
    ("4,5", 4.5),
    ("5.", 5.0),
    ("0", 0.0),
    ("4 out of 5 stars", 4.0),
    ("4.5 (out of 5)", 4.5),
    ("4.5 - the response is accurate", 4.5),
    ("Rating: **4.0** / 5", 4.0),
    ("Score (0-5): 4", 4.0),
    ("Score - 4", 4.0),
    ('{"score": 3.5, "explanation": "2 errors"}', 3.5),
    ("4.5\nThe response has 3 errors.", 4.5),
    ("Rating: 4\nA perfect rating would be 5.", 4.0),
    ("Score: 0/5\nWrong in 3 places", 0.0),
    ("Sure! Here is my rating:\n4.5", 4.5),
    ("I checked its 12 claims.\n\nScore: 4", 4.0),
    ("I would rate this response a 3.", 3.0),
    ("On a scale of 0 to 5, I would give a score of 2.5.", 2.5),
    ("The response deserves a 4 out of 5 because it is short.", 4.0),
]
NOT_READ = [
    "",
    "no number here",
    "-1",
    "7",
    "8/10",
    "Score: 90/100",
    "Score: 90%",
    "1. The response is wrong.\n2. It is short.",
    "The score is 3. A better score would be 5.",
    "The answer lists 12 items and dates of 1995.",
]


@pytest.mark.parametrize(("text", "rating"), READ)
def test_a_rating_is_read_as_models_write_it(text: str, rating: float) -> None:
    assert read_rating(text) == rating


@pytest.mark.parametrize("text", NOT_READ)
def test_what_is_no_rating_or_is_open_is_not_guessed(text: str) -> None:
    assert read_rating(text) is None


@given(st.text())
def test_any_text_gives_a_rating_in_range_or_none(text: str) -> None:
    rating = read_rating(text)
    assert rating is None or 0 <= rating <= 5
