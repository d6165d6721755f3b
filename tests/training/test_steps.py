"""The steps of an optimizer: each example as often as another, and equal tokens of any set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.training.steps import bucketed, plan_steps, rate_at

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@given(LENGTHS, st.integers(60, 200), st.integers(0, 5), st.integers(1, 12))
def test_sets_of_any_lengths_are_trained_on_for_the_same_tokens(
    lengths: list[int], step_tokens: int, seed: int, steps: int
) -> None:
    plan = plan_steps(lengths, step_tokens, seed, steps)
    assert len(plan.steps) == steps
    assert steps * step_tokens <= plan.tokens < steps * step_tokens + max(lengths)
    assert plan.tokens == sum(lengths[at] for step in plan.steps for at in step)


@given(LENGTHS, st.integers(60, 200), st.integers(0, 5), st.integers(1, 12))
def test_no_example_is_seen_twice_more_often_than_another(
    lengths: list[int], step_tokens: int, seed: int, steps: int
) -> None:
    seen = [0] * len(lengths)
    for step in plan_steps(lengths, step_tokens, seed, steps).steps:
        for at in step:
            seen[at] += 1
    assert max(seen) - min(seen) <= 1


def test_the_seed_decides_the_order_and_epochs_the_number() -> None:
    lengths = [10] * 20
    first = plan_steps(lengths, 50, 0, epochs=3)
    assert (len(first.steps), first.passes) == (12, 3.0)
    assert first == plan_steps(lengths, 50, 0, epochs=3)
    assert first != plan_steps(lengths, 50, 1, epochs=3)
    assert sorted(at for step in first.steps[:4] for at in step) == list(range(20))


@pytest.mark.parametrize(
    ("lengths", "tokens", "steps", "epochs"),
    [([], 10, 1, 0), ([5], 0, 1, 0), ([5], 10, 0, 0), ([5], 10, -1, 0)],
)
def test_nothing_to_do_is_refused(
    lengths: list[int], tokens: int, steps: int, epochs: float
) -> None:
    with pytest.raises(InvalidInput, match="steps"):
        plan_steps(lengths, tokens, 0, steps, epochs)


@given(LENGTHS, st.integers(1, 7), st.integers(0, 3), st.integers(1, 3))
def test_every_pass_holds_every_example_once(
    lengths: list[int], batch: int, seed: int, passes: int
) -> None:
    order = bucketed(lengths, batch, seed, passes)
    for at in range(passes):
        part = order[at * len(lengths) : (at + 1) * len(lengths)]
        assert sorted(part) == list(range(len(lengths)))
    assert order == bucketed(lengths, batch, seed, passes)


def test_batches_hold_like_lengths_in_no_order() -> None:
    lengths = [n % 97 for n in range(400)]
    order = bucketed(lengths, 8, 0, 1)
    batches = [[lengths[at] for at in order[n : n + 8]] for n in range(0, 400, 8)]
    assert max(max(batch) - min(batch) for batch in batches) <= 4
    firsts = [batch[0] for batch in batches]
    assert firsts not in (sorted(firsts), sorted(firsts, reverse=True))


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(step, 100, 1.0, 0.1, "cosine") for step in range(100)]
    assert rates[:10] == pytest.approx([(n + 1) / 10 for n in range(10)])
    assert rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.01
    assert [rate_at(n, 4, 2.0, 0, "linear") for n in range(4)] == [2.0, 1.5, 1.0, 0.5]
    assert {rate_at(n, 9, 2.0, 0, "constant") for n in range(9)} == {2.0}
    with pytest.raises(InvalidInput, match="schedule"):
        rate_at(0, 4, 1.0, 0, "zigzag")
