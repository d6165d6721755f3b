from dynosaur_etl.quality.length import Length, token_count
from tests.quality.factories import instances


def test_words_and_marks_are_counted() -> None:
    assert token_count("Sort: a, b!\n 3.5") == 9
    assert token_count(" \n") == 0


def test_longer_outputs_score_higher_and_never_one() -> None:
    rows = instances(("Do it.", "x y", ""), ("Do.", "", "w " * 200), ("Do.", "", "w " * 9000))
    table = Length().score(rows)
    assert table["output_tokens"].to_pylist() == [0, 200, 9000]
    assert table["prompt_tokens"].to_pylist() == [5, 2, 2]
    assert table["score"].to_pylist() == [0.0, 0.5, round(9000 / 9200, 6)]
