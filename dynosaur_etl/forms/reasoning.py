"""Thoughts kept apart from answers; a thought that does not end is never taught."""

import re

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.turns import Refusal

_PAIRS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("[THINK]", "[/THINK]"),
)
_SOLUTION = re.compile(
    r"<\|(?:begin|end)_of_solution\|>|^\s*</?(?:answer|output)>|</(?:answer|output)>\s*$"
)
_FINAL = re.compile(r"^####\s*(.+?)\s*$", re.MULTILINE)


def has_thought(text: str) -> bool:
    """Return whether a text begins with a thought or ends one."""
    head = text.lstrip()[:30]
    return any(head.startswith(start) or end in text for start, end in _PAIRS)


def is_worked(text: str) -> bool:
    """Return whether a text is a worked solution that ends with `#### answer`."""
    return "####" in text and _FINAL.search(text) is not None


def split_thought(text: str) -> tuple[str, str]:
    """Return the thought and the answer of a text; without a thought, "" and the text.

    Raises:
        Refusal: the thought does not end, or nothing follows it.
    """
    if "<" not in text and "[" not in text:
        return "", text
    for start, end in _PAIRS:
        begins = text.lstrip().startswith(start)
        thought, closes, answer = text.partition(end)
        if begins and not closes:
            raise Refusal(Reason.REASONING_UNVERIFIED, "a thought that does not end")
        if closes:
            said = _SOLUTION.sub("", answer).strip()
            if not said:
                raise Refusal(Reason.OUTPUT_EMPTY, "a thought without an answer")
            return thought.lstrip().removeprefix(start).strip(), said
    return "", text


def answer_alone(text: str) -> str:
    """Return what stands after the `####` of a worked solution; any other text as it is."""
    finals = _FINAL.findall(text)
    return str(finals[-1]) if finals else text


def with_thought(thought: str, answer: str) -> str:
    """Return a thought and an answer as one text, in the way of DeepSeek-R1."""
    return f"<think>\n{thought}\n</think>\n\n{answer}" if thought else answer
