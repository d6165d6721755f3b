"""ROUGE-L, exact match and METEOR against the libraries' own and against counting by hand."""

import random

import pytest

from dynosaur_etl.training.text_metrics import exact_match, meteor, plain_words, rouge_l

WORDS = [
    "the", "boat", "came", "back", "late", "and", "nobody", "saw", "running", "runs", "ran",
    "Harbour's", "3", "10,000", "naïve",
]  # fmt: skip


def cases() -> list[tuple[str, list[str]]]:
    drawn = random.Random(0)

    def text(most: int) -> str:
        return " ".join(drawn.choices(WORDS, k=drawn.randint(0, most)))

    made = [(text(12), [text(12) for _ in range(drawn.randint(1, 4))]) for _ in range(95)]
    return [
        *made, ("", ["a"]), ("a", [""]), ("日本語", ["日本語"]), ("Yes.", ["yes", "no"]),
        ("cats", ["cat"]),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "answers"), cases())
def test_rouge_l_is_googles_own_best_over_the_answers(text: str, answers: list[str]) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    wanted = max(scorer.score(answer, text)["rougeL"].fmeasure for answer in answers)
    assert rouge_l(text, answers) == pytest.approx(wanted, abs=1e-12)


def test_there_are_a_hundred_cases_and_they_differ() -> None:
    assert len(cases()) == 100
    assert len({round(rouge_l(text, answers), 6) for text, answers in cases()}) > 30


@pytest.mark.parametrize(
    ("text", "answer", "common"),
    [
        ("a b c d", "a c d e f", 3), ("x y", "z", 0), ("a b a b", "b a b a", 3), ("a", "a", 1),
    ],
)  # fmt: skip
def test_rouge_l_counts_the_longest_common_subsequence(text: str, answer: str, common: int) -> None:
    precision, recall = common / len(text.split()), common / len(answer.split())
    wanted = 2 * precision * recall / (precision + recall) if common else 0.0
    assert rouge_l(text, [answer]) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "answers", "right"),
    [
        ("Yes.", ["yes"], 1), (" the  Boat! ", ["The boat"], 1), ("no", ["yes", "No!"], 1),
        ("yes no", ["yes"], 0), ("", ["yes"], 0),
    ],
)  # fmt: skip
def test_exact_match_looks_past_case_punctuation_and_blanks(
    text: str, answers: list[str], right: float
) -> None:
    assert exact_match(text, answers) == right
    assert plain_words(" A-b,\n C. ") == "ab c"


def test_meteor_matches_stems_and_punishes_order() -> None:
    assert meteor("the boats came back", ["the boat came back"]) > 0.9
    assert meteor("back came the boat", ["the boat came back"]) < meteor(
        "the boat came back", ["the boat came back"]
    )
    assert meteor("", ["a"]) == 0.0
    assert meteor("x", ["y", "x y"]) > 0


def test_meteor_is_the_formula_of_its_paper() -> None:
    """Three of four words match, in two chunks: F = 10PR / (R + 9P), penalty 0.5 (2/3)^3."""
    precision, recall = 3 / 4, 3 / 4
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    wanted = mean * (1 - 0.5 * (2 / 3) ** 3)
    assert meteor("dog sat xxxx here", ["dog sat yyyy here"]) == pytest.approx(wanted)
