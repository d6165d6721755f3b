import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.inference.batches import (
    LEAST_TOKENS,
    computed,
    equal_batches,
    stacked,
    unpadded,
)

LENGTHS = st.lists(st.integers(1, 40), max_size=60)


@given(LENGTHS, st.integers(1, 100))
def test_every_text_is_in_one_batch_of_its_own_length_within_the_budget(
    lengths: list[int], budget: int
) -> None:
    batches = equal_batches(lengths, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len({lengths[position] for position in batch}) == 1
        assert len(batch) == 1 or sum(lengths[position] for position in batch) <= budget


def text(*numbers: int) -> dict[str, np.ndarray]:
    ids = np.array(numbers, np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def test_a_small_batch_is_filled_up_with_its_last_text() -> None:
    ids = stacked([text(1, 2, 3), text(4, 5, 6)])["input_ids"].numpy()
    assert ids.size >= LEAST_TOKENS
    assert ids[0].tolist() == [1, 2, 3]
    assert {tuple(row) for row in ids[1:].tolist()} == {(4, 5, 6)}


def test_padding_is_cut_off_on_either_side() -> None:
    features = {
        "input_ids": np.array([[7, 8, 0], [0, 0, 9]]),
        "attention_mask": np.array([[1, 1, 0], [0, 0, 1]]),
        "modality": "text",
    }
    texts = unpadded(features)
    assert [found["input_ids"].tolist() for found in texts] == [[7, 8], [9]]
    assert set(texts[0]) == {"input_ids", "attention_mask"}


def test_results_come_in_the_order_of_the_batches() -> None:
    texts = [text(number) for number in range(50)]
    batches = [[position] for position in reversed(range(50))]
    found = list(computed(lambda f: int(f["input_ids"][0, 0]), texts, batches, 4))
    assert found == [([position], position) for position in reversed(range(50))]
