"""What cells of some forms hold: choices, questions, ground truths."""

from collections.abc import Mapping
from typing import Any

from dynosaur_etl.forms.values import opened, structures, text_of, texts_of

_QUESTION_WORDS = frozenset(
    {
        "who", "what", "when", "where", "which", "why", "how", "is", "are", "was", "were", "do",
        "does", "did", "can", "could", "should", "will",
    }
)  # fmt: skip


def read_choices(value: Any) -> tuple[list[str], list[str]] | None:
    """Return the marks and texts of choices; marks are empty where they have none of their own."""
    texts = texts_of(value)
    if texts is not None:
        return [], texts
    lettered = _lettered(opened(value))
    if lettered is not None:
        return lettered
    items = structures(value)
    if items is None:
        return None
    texts = [
        str(next((i[k] for k in ("text", "content", "value", "choice") if k in i), ""))
        for i in items
    ]
    marks = [
        str(next((i[k] for k in ("label", "key", "letter", "id") if k in i), "")) for i in items
    ]
    return (marks, texts) if all(texts) and all(marks) else None


def _lettered(value: Any) -> tuple[list[str], list[str]] | None:
    """Return the choices of a structure whose parts are called `A`, `B` and so on."""
    if not isinstance(value, Mapping) or not all(len(str(mark)) == 1 for mark in value):
        return None
    given = {str(mark): text for mark, text in value.items() if text is not None}
    are_texts = len(given) > 1 and all(isinstance(text, str) and text for text in given.values())
    return (list(given), list(given.values())) if are_texts else None


def is_question(value: Any) -> bool:
    """Return whether a text asks something: it ends with a question mark, or begins so."""
    text = text_of(value)
    return text.endswith("?") or text.partition(" ")[0].lower() in _QUESTION_WORDS


def ground_truth(value: Any) -> str:
    """Return the ground truth of a reward's structure, or a text itself; empty where it is none."""
    inner = opened(value)
    if isinstance(inner, Mapping):
        inner = inner.get("ground_truth", inner.get("answer"))
    if isinstance(inner, int | float) and not isinstance(inner, bool):
        return f"{inner:g}" if isinstance(inner, float) else str(inner)
    return text_of(inner)
