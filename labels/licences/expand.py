"""Wordings with alternatives in braces, written out."""

import re
from collections.abc import Iterator

_CHOICE = re.compile(r"\{([^{}]*)\}")
MOST = 24


def expand(template: str, most: int = MOST) -> list[str]:
    """Return the wordings of a template such as `{For/Only for} research`, `most` at most.

    They are spread evenly over all combinations, so that each alternative is there.
    """
    parts = _CHOICE.split(template)
    choices = [part.split("/") for part in parts[1::2]]
    total = 1
    for choice in choices:
        total *= len(choice)
    if total <= most:
        numbers: Iterator[int] = iter(range(total))
    else:
        numbers = (at * _stride(total) % total for at in range(most))
    return list(dict.fromkeys(_wording(parts, choices, number) for number in numbers))


def _stride(total: int) -> int:
    """A step through all combinations that comes to every alternative of every choice."""
    step = int(total * 0.6180339887) | 1
    while any(step % prime == 0 and total % prime == 0 for prime in (2, 3, 5, 7, 11, 13, 17, 19)):
        step += 2
    return step


def _wording(parts: list[str], choices: list[list[str]], number: int) -> str:
    words = [parts[0]]
    for choice, text in zip(choices, parts[2::2], strict=True):
        number, at = divmod(number, len(choice))
        words += [choice[at], text]
    return " ".join("".join(words).split())
