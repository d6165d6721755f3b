"""The demo's stand-in for an LLM that compares two responses: the one with more words is better."""

import re

from demo.llm_reading import Json, text_of

_RESPONSE = re.compile(r"<(first|second)>\n(.*?)\n</\1>", re.DOTALL)


def is_comparing(body: Json) -> bool:
    """Whether the system message asks to compare two responses."""
    return text_of(body, "system").startswith("You compare two responses")


def compare(body: Json) -> str:
    """The word for the better response, or a tie, and a line that explains it."""
    words = {
        name: len(set(text.split())) for name, text in _RESPONSE.findall(text_of(body, "user"))
    }
    if len(words) < 2:
        return "There are not two responses to compare."
    if words["first"] == words["second"]:
        return "tie\nBoth have as many words."
    return max(words, key=lambda name: words[name]) + "\nIt has more words of its own."
