from pathlib import Path

from dynosaur_etl.domain.reasons import REASON_WORDS, Reason

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_every_reason_is_told_in_a_sentence() -> None:
    assert set(REASON_WORDS) == set(Reason)
    assert all(words.endswith(".") and words[0].isupper() for words in REASON_WORDS.values())


def test_every_reason_is_told_of_in_the_operators_guide_in_the_same_words() -> None:
    guide = GUIDE.read_text()
    missing = [r for r, words in REASON_WORDS.items() if f"| `{r}` | {words} |" not in guide]
    assert missing == []
