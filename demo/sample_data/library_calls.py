"""The desk of an invented library: an assistant that calls tools, and says what they gave."""

import json
from typing import Any

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    listed,
)


def _tool(name: str, description: str, **parameters: str) -> dict[str, Any]:
    properties = {key: {"type": "string", "description": text} for key, text in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


_TOOLS = (
    _tool("find_book", "Finds a book and where it stands.", title="The book's title"),
    _tool(
        "opening_hours",
        "Tells the opening hours of a branch.",
        branch="Name of the branch",
        day="Day of the week",
    ),
    _tool(
        "renew_loan", "Renews a loan by three weeks.", card="Number of the card", title="The title"
    ),
)

_CALLS: tuple[tuple[str, str, dict[str, str], dict[str, Any], str], ...] = (
    (
        "Do you have The Salt Orchard?",
        "find_book",
        {"title": "The Salt Orchard"},
        {"shelf": "F 12", "copies": 2},
        "Yes, two copies of The Salt Orchard stand on shelf F 12.",
    ),
    (
        "Until when is the branch at Mill Lane open on Thursday?",
        "opening_hours",
        {"branch": "Mill Lane", "day": "Thursday"},
        {"opens": "10:00", "closes": "19:00"},
        "Mill Lane is open until 19:00 on Thursday.",
    ),
    (
        "Please renew A Field Guide to Clouds on card 4471.",
        "renew_loan",
        {"card": "4471", "title": "A Field Guide to Clouds"},
        {"due": "2026-10-28"},
        "A Field Guide to Clouds is renewed; bring it back by 28 October 2026.",
    ),
    (
        "I am looking for Knots and Their Uses.",
        "find_book",
        {"title": "Knots and Their Uses"},
        {"shelf": None, "copies": 0},
        "We do not have Knots and Their Uses at the moment. Shall I ask another branch for it?",
    ),
    (
        "Can I come to the Hilltop branch on Sunday?",
        "opening_hours",
        {"branch": "Hilltop", "day": "Sunday"},
        {"opens": None, "closes": None},
        "No, Hilltop is closed on Sundays.",
    ),
    (
        "I would like to keep Bread for Beginners longer. My card is 2093.",
        "renew_loan",
        {"card": "2093", "title": "Bread for Beginners"},
        {"error": "reserved by another reader"},
        "I am sorry, another reader has reserved Bread for Beginners, so it cannot be renewed.",
    ),
    (
        "Where do I find The Lighthouse Keeper's Ledger?",
        "find_book",
        {"title": "The Lighthouse Keeper's Ledger"},
        {"shelf": "H 3", "copies": 1},
        "There is one copy of The Lighthouse Keeper's Ledger, on shelf H 3.",
    ),
    (
        "When does Mill Lane open on Saturday morning?",
        "opening_hours",
        {"branch": "Mill Lane", "day": "Saturday"},
        {"opens": "09:30", "closes": "13:00"},
        "On Saturday Mill Lane opens at 9:30; it closes at 13:00.",
    ),
    (
        "Is there anything called Maps of Nowhere?",
        "find_book",
        {"title": "Maps of Nowhere"},
        {"shelf": "R 40", "copies": 3},
        "Yes, Maps of Nowhere stands on shelf R 40, in three copies.",
    ),
    (
        "Card 1180, please: renew Chess for Two.",
        "renew_loan",
        {"card": "1180", "title": "Chess for Two"},
        {"due": "2026-10-29"},
        "Chess for Two is renewed until 29 October 2026.",
    ),
)
_WITHOUT_CALL: tuple[tuple[str, str], ...] = (
    (
        "Can I return a book at another branch?",
        "Yes. You may return a book at any branch; it travels home by itself.",
    ),
    (
        "How do I find a book without knowing its title?",
        "Tell me its author or what it is about, and we will look for it together.",
    ),
)


def _turn(role: str, content: str | None, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "tool_calls": None, "tool_call_id": None, **more}


def _with_call(number: int, *parts: Any) -> list[dict[str, Any]]:
    question, name, arguments, result, answer = parts
    key = f"call_{number:02}"
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": key, "type": "function", "function": function}
    return [
        _turn("user", question),
        _turn("assistant", None, tool_calls=[call]),
        _turn("tool", json.dumps(result), tool_call_id=key),
        _turn("assistant", answer),
    ]


def _rows() -> list[Row]:
    called = [_with_call(number, *parts) for number, parts in enumerate(_CALLS, 1)]
    plain = [[_turn("user", asked), _turn("assistant", said)] for asked, said in _WITHOUT_CALL]
    return [{"messages": turns, "tools": json.dumps(_TOOLS)} for turns in (*called, *plain)]


_FUNCTION = {"name": STRING, "arguments": STRING}
_TEXT = """
# Library calls

## Dataset summary

Twelve talks at the desk of an invented library with an assistant that has three tools. Ten of
them need a call; the other two are to be answered without one.

## Data fields

- `messages`: the turns, with `role`, `content`, `tool_calls` and `tool_call_id`; the arguments of
  a call are JSON in a string
- `tools`: the tools as a JSON list, in the notation of chat templates
"""

DATASET = SampleDataset(
    id="lamplight/library-calls",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Talks with calls of tools.",
            {
                "messages": listed(
                    role=STRING,
                    content=STRING,
                    tool_calls=listed(id=STRING, type=STRING, function=_FUNCTION),
                    tool_call_id=STRING,
                ),
                "tools": STRING,
            },
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-07T20:20:00Z",
            "Add library calls",
            Front("Library calls", ("en",), ("mit",), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=530,
    likes=18,
)
