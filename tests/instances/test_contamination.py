import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.instances.contamination import EvaluationIndex, Match, find_matches

PASSAGE = "It was the best of times, it was the worst of times, it was the age of wisdom"


def index(*texts: str, n: int = 13, name: str = "set.txt") -> EvaluationIndex:
    return EvaluationIndex.build([(name, pa.array(texts, pa.string()))], n)


def find(found_in: EvaluationIndex, *rows: tuple[str, str]) -> list[Match]:
    inputs = pa.array([row[0] for row in rows], pa.string())
    return find_matches(found_in, inputs, pa.array([row[1] for row in rows], pa.string()))


def test_thirteen_words_in_a_row_are_found_whatever_their_case_and_punctuation() -> None:
    rows = [
        ("nothing of the kind stands in this input at all, not one run of words", "out"),
        ("He wrote: IT WAS — the best of times; it was the worst of times! It... and so on", ""),
    ]
    [match] = find(index(PASSAGE), *rows)
    assert (match.row, match.source) == (1, "set.txt")
    assert match.words == "it was — the best of times; it was the worst of times! it"


def test_twelve_words_are_not_enough() -> None:
    words = PASSAGE.split()
    assert find(index(PASSAGE), (" ".join(words[:12]), "else")) == []
    assert find(index(PASSAGE), (" ".join(words[:13]), "else"))
    assert find(index(" ".join(words[:12])), (PASSAGE, "")) == []


def test_a_run_may_begin_in_the_input_and_end_in_the_output() -> None:
    words = PASSAGE.split()
    [match] = find(index(PASSAGE), (" ".join(words[:8]), " ".join(words[8:13])))
    assert match.words == " ".join(words[:13]).lower()


def test_each_row_has_its_first_match_and_the_set_that_holds_it() -> None:
    built = EvaluationIndex.build(
        [("a.txt", pa.array(["one two three"])), ("b.json", pa.array(["four five six"]))], 3
    )
    matches = find(built, ("x four five six one two three", ""), ("y", "z"), ("one two three", ""))
    assert matches == [Match(0, "four five six", "b.json"), Match(2, "one two three", "a.txt")]


def test_nothing_to_look_for_finds_nothing() -> None:
    assert find(index("too short"), (PASSAGE, "")) == []
    assert find(index(PASSAGE)) == []


WORDS = st.lists(st.sampled_from(["a", "bb", "é", "日本"]), max_size=12)


def runs(words: list[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}


@given(st.lists(WORDS, max_size=4), WORDS, st.integers(1, 5))
def test_matches_are_those_of_a_comparison_of_all_runs(
    texts: list[list[str]], row: list[str], n: int
) -> None:
    known = set().union(*(runs(text, n) for text in texts))
    expected = bool(runs(row, n) & known)
    found = find(index(*(" ".join(text) for text in texts), n=n), (" ".join(row), ""))
    assert bool(found) == expected
    assert all(tuple(match.words.split()) in known for match in found)
