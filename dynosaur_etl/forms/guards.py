"""Columns that say which rows must not be taught, and what they say of a row.

- Marks: a row that is toxic, flagged, redacted, deleted, ... or not verified, not accepted, ...
- Moderation: the result of a moderation model, a guard model or detoxify.
- Scores: of the answer, as a model or a person gave them. The scale is the smallest of 1, 5 and 10
  that holds all sampled scores; a row needs six tenths of it. Scores over 10, and those below 0 but
  for rewards, are counts and votes: they say nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.turns import Refusal
from dynosaur_etl.forms.values import Row, number_of, opened, structures, text_of, truth_of

BAD_MARKS = frozenset(
    {
        "toxic", "is_toxic", "flagged", "is_flagged", "redacted", "deleted", "is_deleted",
        "removed", "nsfw", "is_nsfw", "unsafe", "is_unsafe", "spam", "is_spam",
        "truncated", "is_truncated", "harmful", "is_harmful", "has_pii", "moderated", "jailbreak",
    }
)  # fmt: skip
GOOD_MARKS = frozenset(
    {
        "train", "review_result", "resolved", "verified", "is_verified", "is_correct", "correct",
        "is_safe", "valid", "is_valid", "passed", "accepted", "is_accepted", "is_complete",
        "is_reasoning_complete", "correctness_math_verify", "answer_correct", "is_finished",
    }
)  # fmt: skip
UNVERIFIED_MARKS = frozenset(
    {
        "verified", "is_verified", "is_correct", "correct", "is_complete", "passed",
        "is_reasoning_complete", "correctness_math_verify", "answer_correct", "is_finished",
    }
)  # fmt: skip
SCORES = frozenset(
    {
        "score", "rating", "quality_score", "overall_score", "overall_rating", "helpfulness",
        "correctness", "response_score", "answer_score", "judge_score", "llm_score",
    }
)  # fmt: skip
REWARDS = re.compile(r"(?:.*_)?reward(?:_score)?")
LEAST_SHARE = 0.6
LEAST_REWARD = -4.0

_SCALES = (1.0, 5.0, 10.0)
_BAD_STATES = {
    "status": {"rejected", "deleted", "failed", "discarded", "invalid", "error", "removed"},
    "tree_state": {"aborted_low_grade", "halted_by_moderator"},
    "finish_reason": {"length", "max_tokens", "content_filter", "error"},
    "stop_reason": {"length", "max_tokens", "refusal", "error"},
    "input_quality": {"very poor", "poor"},
    "quality": {"very poor", "poor", "bad", "low"},
    "review": {"rejected", "bad", "negative"},
}
_GUARD = re.compile(r"(?:.*_)?(?:llama_?guard|shield_?gemma|wild_?guard|guard)(?:_?\d+)?(?:_.*)?")
_TOXICITY = ("toxicity", "severe_toxicity", "identity_attack", "threat", "sexual_explicit")
_MOST_TOXICITY = 0.5


def least_scores(rows: Sequence[Row], columns: Sequence[str]) -> dict[str, float]:
    """Return the least value of each column of scores, by the scale that sampled rows show."""
    found = {}
    for name in columns:
        if REWARDS.fullmatch(name.lower()):
            found[name] = LEAST_REWARD
        elif name.lower() in SCORES:
            given = [row.get(name) for row in rows if row.get(name) is not None]
            numbers = [number for value in given if (number := number_of(value)) is not None]
            scale = scale_of(numbers) if len(numbers) == len(given) else None
            if scale is not None:
                found[name] = LEAST_SHARE * scale
    return found


def scale_of(numbers: Sequence[float]) -> float | None:
    """Return the top of a scale of scores; None where they are none."""
    if not numbers or min(numbers) < 0:
        return None
    return next((top for top in _SCALES if max(numbers) <= top), None)


def check_row(row: Row, least: Mapping[str, float], marks: Sequence[str]) -> None:
    """Refuse a row that its own columns say must not be taught.

    Args:
        row: the row.
        least: as `least_scores` gives it.
        marks: the columns that `marking_columns` gives.

    Raises:
        Refusal: FLAGGED, REASONING_UNVERIFIED or SCORE_LOW, with the column.
    """
    for name in marks:
        _check_mark(name, row.get(name))
    for name, lowest in least.items():
        number = number_of(row.get(name))
        if number is not None and number < lowest:
            raise Refusal(Reason.SCORE_LOW, f"{name} below {lowest:g}")


def marking_columns(names: Sequence[str]) -> list[str]:
    """Return the columns that may say that a row must not be taught."""
    return [name for name in names if _is_marking(name.lower())]


def _is_marking(name: str) -> bool:
    known = BAD_MARKS | GOOD_MARKS | _BAD_STATES.keys() | {"detoxify"}
    return name in known or "moderation" in name or _GUARD.fullmatch(name) is not None


def _check_mark(name: str, value: Any) -> None:
    if value is None:
        return
    key = name.lower()
    truth = truth_of(value) if not isinstance(value, int) or isinstance(value, bool) else None
    if key in BAD_MARKS and truth:
        raise Refusal(Reason.FLAGGED, name)
    if key in GOOD_MARKS and truth is False:
        reason = Reason.REASONING_UNVERIFIED if key in UNVERIFIED_MARKS else Reason.FLAGGED
        raise Refusal(reason, f"not {name}")
    if text_of(value).lower() in _BAD_STATES.get(key, ()):
        raise Refusal(Reason.FLAGGED, f"{name} {text_of(value).lower()}")
    if _GUARD.fullmatch(key) and text_of(value).lower().startswith(("unsafe", "harmful", "yes")):
        raise Refusal(Reason.FLAGGED, f"{name} unsafe")
    if "moderation" in key and any(_flags(value)):
        raise Refusal(Reason.FLAGGED, name)
    if key == "detoxify" and _is_toxic(opened(value)):
        raise Refusal(Reason.FLAGGED, name)


def _flags(value: Any) -> Iterator[bool]:
    known = opened(value)
    items = [known] if isinstance(known, Mapping) and "flagged" in known else structures(known)
    for item in items or ():
        flagged = item.get("flagged")
        yield bool(flagged and (not isinstance(flagged, list) or any(flagged)))


def _is_toxic(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    numbers = (number_of(value.get(name)) for name in _TOXICITY)
    return any(number is not None and number >= _MOST_TOXICITY for number in numbers)
