from dynosaur_etl.domain.reasons import REASON_WORDS, Reason


def test_every_reason_is_told_in_a_sentence() -> None:
    assert set(REASON_WORDS) == set(Reason)
    assert all(words.endswith(".") and words[0].isupper() for words in REASON_WORDS.values())
