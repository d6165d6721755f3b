import pyarrow as pa
import pytest

from dynosaur_etl.quality.heuristics import (
    WEIGHTS,
    own_words,
    score_heuristics,
    soundness,
    substance,
    variety,
)


def instances(*pairs: tuple[str, str]) -> pa.Table:
    return pa.table(
        {
            "instance_key": [str(number) for number in range(len(pairs))],
            "input": [pair[0] for pair in pairs],
            "output": [pair[1] for pair in pairs],
        }
    )


GOOD = " ".join(f"word{n}" for n in range(40))


def test_substance_rises_with_the_words() -> None:
    assert substance(["a"] * 10, ["b"] * 10) == 0.5
    assert substance(["a"] * 300, []) == 1.0


def test_variety_falls_where_words_repeat() -> None:
    assert variety(["a", "b", "c", "d"], []) == 1.0
    assert variety(["a"] * 11, []) == pytest.approx(0.1)
    assert variety([], ["a"]) == 1.0


def test_a_long_output_that_is_a_passage_of_the_input_has_no_own_words() -> None:
    words = [str(n) for n in range(20)]
    assert own_words(words, words[5:15]) == 0.0
    assert own_words(words, [*words[5:10], *"abcde"]) == 0.5
    assert own_words(words, words[:7]) == 1.0, "a short answer may quote"


def test_damaged_text_is_not_sound() -> None:
    assert soundness("plain, é and 日本") == 1.0
    assert soundness("\ufffd" * 10) == 0.0
    assert soundness("caf\u00c3\u00a9 " * 3) < 0.2


def test_the_score_is_the_stated_formula_and_in_order() -> None:
    table = score_heuristics(instances((GOOD, "own answer"), ("a a a a", "a")))
    assert table["instance_key"].to_pylist() == ["0", "1"]
    for row in table.to_pylist():
        assert row["score"] == pytest.approx(sum(w * row[n] for n, w in WEIGHTS.items()), abs=1e-6)
        assert 0 <= row["score"] <= 1
    good, poor = table["score"].to_pylist()
    assert good > poor


def test_the_weights_sum_up_to_one_and_no_instances_give_no_scores() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert score_heuristics(instances()).num_rows == 0
