from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.instances.duplicates import Doubles, find_duplicates
from dynosaur_etl.instances.organise import instance_keys

PASSAGE = " ".join(f"word{number}" for number in range(120))
CHANGED = PASSAGE.replace("word60 ", "other ")


def table(*texts: tuple[str, str, str]) -> pa.Table:
    keys = [instance_keys(i, pa.array([a]), pa.array([b]))[0].as_py() for i, a, b in texts]
    return pa.table(
        {
            "instance_key": pa.array(keys, pa.string()),
            "instruction": pa.array([text[0] for text in texts], pa.string()),
            "input": pa.array([text[1] for text in texts], pa.string()),
            "output": pa.array([text[2] for text in texts], pa.string()),
        }
    )


def find(*tables: pa.Table, threshold: float = 0.9) -> list[Doubles]:
    return find_duplicates([[each] for each in tables], threshold)


def marks(doubles: Doubles) -> tuple[list[bool], list[bool]]:
    return doubles.exact.tolist(), doubles.near.tolist()


def test_of_the_same_instance_the_first_of_all_tables_stays() -> None:
    first, second = find(
        table(("i", "a", "b"), ("i", "c", "d"), ("i", "a", "b")), table(("i", "c", "d"))
    )
    assert marks(first) == ([False, False, True], [False, False, False])
    assert marks(second) == ([True], [False])


def test_a_word_changed_in_a_long_input_is_near_and_the_first_stays() -> None:
    [doubles] = find(table(("Sum up.", PASSAGE, "Words."), ("sum up", CHANGED, "words")))
    assert marks(doubles) == ([False, False], [False, True])
    [exact_only] = find(
        table(("Sum up.", PASSAGE, "Words."), ("sum up", CHANGED, "words")), threshold=0
    )
    assert not exact_only.any()


def test_another_question_another_answer_or_another_task_is_no_duplicate() -> None:
    [doubles] = find(
        table(
            ("Answer it.", PASSAGE, "one"),
            ("Answer it.", CHANGED, "two"),
            ("Sum it up.", CHANGED, "one"),
            ("Answer it.", " ".join(reversed(PASSAGE.split())), "one"),
            ("Answer it.", "short", "one"),
            ("Answer it.", "", "one"),
        )
    )
    assert not doubles.any()


def test_the_threshold_decides() -> None:
    changed = PASSAGE.replace("word60 ", "x ").replace("word30 ", "y ").replace("word90 ", "z ")
    rows = table(("i", PASSAGE, "o"), ("i", changed, "o"))
    assert [find(rows, threshold=t)[0].near.sum() for t in (0.7, 0.8, 0.9, 1.0)] == [1, 1, 0, 0]


def test_texts_without_words_are_alike_only_if_they_are_the_same() -> None:
    [doubles] = find(table(("i", "???", "o"), ("i", "word", "o"), ("i", "???", "o")))
    assert marks(doubles)[0] == [False, False, True]


def jaccard(one: str, other: str) -> float:
    grams = [
        {tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2))}
        for words in (one.split(), other.split())
    ]
    return len(grams[0] & grams[1]) / len(grams[0] | grams[1])


def test_the_estimate_finds_what_is_near_and_leaves_what_is_not() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        words = [f"w{n}" for n in rng.integers(0, 10**6, 150)]
        changed = list(words)
        for at in rng.choice(150, rng.integers(0, 15), replace=False):
            changed[at] = "new"
        one, other = " ".join(words), " ".join(changed)
        true = jaccard(one, other)
        [doubles] = find(table(("i", one, "o"), ("i", other, "o")), threshold=0.8)
        if true == 1:
            assert doubles.exact[1]
        elif abs(true - 0.8) > 0.12:
            assert doubles.near[1] == (true > 0.8)


TEXTS = st.lists(
    st.tuples(st.sampled_from("ij"), st.sampled_from(["a", "b c", "", "?"]), st.sampled_from("op"))
)


@given(TEXTS, st.integers(1, 4))
def test_how_rows_stand_in_tables_changes_nothing(
    texts: Sequence[tuple[str, str, str]], size: int
) -> None:
    whole = table(*texts)
    [together] = find(whole)
    parts = [whole.slice(at, size) for at in range(0, whole.num_rows, size)]
    apart = find(*parts)
    assert [n for part in apart for n in part.exact.tolist()] == together.exact.tolist()
    assert [n for part in apart for n in part.near.tolist()] == together.near.tolist()
    assert not (together.exact & together.near).any()
    assert (whole.num_rows - together.exact.sum()) == len(set(texts))
