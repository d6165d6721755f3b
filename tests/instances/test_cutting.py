import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.instances.cutting import cut, fair_share


@given(st.text(max_size=60), st.integers(0, 40))
def test_a_cut_text_is_a_beginning_of_the_text_within_the_limit(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert text.startswith(short)
    assert len(short) <= limit
    assert short == text or len(text) > limit


def test_a_cut_falls_between_words_and_one_endless_word_is_cut_inside() -> None:
    assert cut("one two three", 9) == "one two"
    assert cut("one two three", 7) == "one two"
    assert cut("abcdefghij", 4) == "abcd"
    assert len(cut("x" * 70_000)) == 2000


def test_a_cut_falls_behind_a_sentence_in_the_last_quarter_and_not_before() -> None:
    late = "a" * 80 + " b. " + "c" * 10 + " d e f"
    assert cut(late, 96) == "a" * 80 + " b."
    early = "a" * 10 + ". " + "b" * 70 + " cc dd ee ff gg"
    assert cut(early, 90) == "a" * 10 + ". " + "b" * 70 + " cc dd"
    assert cut("Really (yes!) and then some more", 14) == "Really (yes!)"
    assert cut("これは文です。これも文です", 10) == "これは文です。これも"
    assert cut("これは文です。これも文です", 8) == "これは文です。"


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("ab" + "e\u0301" * 3, 5, "abe\u0301"),
        ("xx👨\u200d👩\u200d👧y", 4, "xx"),
        ("xx👍🏽y", 3, "xx"),
    ],
)
def test_a_character_keeps_what_belongs_to_it(text: str, limit: int, short: str) -> None:
    assert cut(text, limit) == short


def test_a_character_with_endless_accents_is_cut_all_the_same() -> None:
    assert len(cut("e" + "\u0301" * 100, 50)) == 50


@given(st.lists(st.integers(0, 50), max_size=6), st.integers(0, 100))
def test_a_fair_share_fits_and_is_the_largest(lengths: list[int], limit: int) -> None:
    share = fair_share(lengths, limit)
    assert sum(min(length, share) for length in lengths) <= limit
    if sum(lengths) > limit:
        assert sum(min(length, share + 1) for length in lengths) > limit
    else:
        assert all(length <= share for length in lengths)
