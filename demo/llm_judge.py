"""The demo's stand-in for a judge: a score from 0 to 5 by the look of the response."""

import json
import re

from demo.llm_reading import Json, dig, schema_of, text_of

_SECTION = re.compile(r"(?:^|\n)[#\s*]*(instruction|input|response)[*\s]*:", re.IGNORECASE)
_CLOSING = re.compile(r"\n\s*(?:please rate|rate the|please first)", re.IGNORECASE)
_SCALE = re.compile(r"\b0\s*(?:to|-|–)\s*5\b")


def is_judging(body: Json) -> bool:
    """Whether the system message asks for feedback or for a score from 0 to 5."""
    system = text_of(body, "system").lower()
    return "feedback" in system or ("score" in system and _SCALE.search(system) is not None)


def judge(body: Json) -> str:
    """A first line with the score and a second that explains it, or both in the schema's fields."""
    user = text_of(body, "user")
    sections = _sections(user)
    score, remarks = _complexity(sections) if _has_no_response(user) else _score(sections)
    explanation = " ".join(remarks) or "The response is complete and fits the instruction."
    properties = dig(schema_of(body), "properties")
    if not isinstance(properties, dict):
        return f"{score:.1f}\n{explanation}"
    numbers = ("number", "integer")
    filled = {
        name: score if dig(rule, "type") in numbers else explanation
        for name, rule in properties.items()
    }
    return json.dumps(filled, ensure_ascii=False)


def _has_no_response(user: str) -> bool:
    """Whether an instruction alone is to be rated."""
    named = {match.group(1).lower() for match in _SECTION.finditer(user)}
    return "instruction" in named and "response" not in named


def _complexity(sections: dict[str, str]) -> tuple[float, list[str]]:
    """A tenth of a point for each word of the instruction, at most five."""
    words = len(_CLOSING.split("\n" + sections["instruction"], maxsplit=1)[0].split())
    return min(5.0, words / 10), [f"The instruction has {words} words."]


def _sections(user: str) -> dict[str, str]:
    """The instruction, the input and the response; the rater's own closing words are cut off."""
    found = list(_SECTION.finditer(user))
    ends = [match.start() for match in found[1:]] + [len(user)]
    sections = {
        match.group(1).lower(): user[match.end() : end].strip()
        for match, end in zip(found, ends, strict=True)
    }
    response = sections.get("response", "")
    return {**sections, "response": _CLOSING.split("\n" + response, maxsplit=1)[0].strip()}


def _score(sections: dict[str, str]) -> tuple[float, list[str]]:
    """Five points, less one for each fault that can be seen without understanding the text."""
    instruction, given = sections.get("instruction", ""), sections.get("input", "")
    response = sections["response"]
    if not response:
        return 0.0, ["The response is empty."]
    if response == given:
        return 1.0, ["The response only repeats the input."]
    words = response.split()
    faults = (
        (len(instruction.split()) < 4, 1.0, "The instruction is hardly more than a word."),
        (not given, 0.5, "There is no input to work on."),
        (response.replace(".", "", 1).lstrip("-").isdigit(), 1.0, "The response is a bare number."),
        (len(words) > 3 and response[-1] not in ".!?)}\"'", 0.5, "The response breaks off."),
        (len(set(words)) < len(words) / 2, 1.5, "The response repeats itself."),
        (len(given) > 1500, 0.5, "The input is long and hard to check."),
    )
    seen = [(cost, remark) for is_fault, cost, remark in faults if is_fault]
    return max(0.0, 5.0 - sum(cost for cost, _ in seen)), [remark for _, remark in seen]
