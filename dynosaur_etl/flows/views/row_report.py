"""One instance as people read it: its turns, where it comes from, and what became of it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.domain.models import Mode
from dynosaur_etl.flows.views.hub_links import HubLinks, dataset_links, row_link
from dynosaur_etl.flows.views.row_columns import key_number, row_columns
from dynosaur_etl.flows.views.row_search import RowLine, find_row
from dynosaur_etl.flows.views.row_set import RowSet
from dynosaur_etl.training.examples import as_messages

_FENCE = re.compile(r"```([^\n`]*)\n(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True)
class TextPart:
    """A part of a text: prose, or the code between two fences with its language."""

    text: str
    is_code: bool = False
    language: str = ""


@dataclass(frozen=True)
class SpokenTurn:
    """What one role says; a call of a tool is a part of code."""

    role: str
    parts: Sequence[TextPart]


@dataclass(frozen=True)
class RowReport:
    """An instance with its turns and its places at the Hub.

    Attributes:
        tools: that the turns may call, as indented JSON; empty where there are none.
        reasoning: the thought before the answer; empty where there is none.
        rejected: the answer that was not preferred; empty where there is none.
        source_row: where the Hub shows the row of the newest revision.
    """

    line: RowLine
    turns: Sequence[SpokenTurn]
    tools: str
    reasoning: str
    rejected: str
    links: HubLinks
    source_row: str


def row_report(rows: RowSet, key: str, endpoint: str) -> RowReport:
    """Return one instance of a set.

    Args:
        rows: the set.
        key: of the instance.
        endpoint: address of the Hub.

    Raises:
        InvalidInput: the set has no such instance.
        Corrupt: a file is missing or cannot be read.
    """
    line = find_row(rows, key)
    if line is None:
        raise InvalidInput(not_allowed("instance", key, f"one of {rows.name}"))
    said = _conversation(rows, line) if line.mode == Mode.NATIVE else {}
    messages = said.get("messages") or as_messages(vars(line))
    return RowReport(
        line=line,
        turns=[_turn(message) for message in messages],
        tools=_indented(said.get("tools") or ""),
        reasoning=said.get("reasoning") or "",
        rejected=said.get("rejected") or "",
        links=dataset_links(endpoint, line.dataset, line.revision),
        source_row=row_link(endpoint, line.dataset, line.config, line.split, line.row),
    )


def text_parts(text: str) -> list[TextPart]:
    """Part a text into prose and fenced code; a fence that is not closed reaches to the end."""
    parts: list[TextPart] = []
    end = 0
    for fence in _FENCE.finditer(text):
        parts.append(TextPart(text[end : fence.start()].strip("\n")))
        parts.append(TextPart(fence[2].rstrip("\n"), is_code=True, language=fence[1].strip()))
        end = fence.end()
    parts.append(TextPart(text[end:].strip("\n") if parts else text))
    return [part for part in parts if part.text.strip()]


def _turn(message: Mapping[str, Any]) -> SpokenTurn:
    parts = text_parts(message.get("content") or "")
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        arguments = _indented(function.get("arguments") or "")
        parts.append(TextPart(f"{function.get('name')}({arguments})", True, "call"))
    return SpokenTurn(str(message.get("role") or "unknown"), parts)


def _indented(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return json.dumps(found, indent=2, ensure_ascii=False) if found else ""


def _conversation(rows: RowSet, line: RowLine) -> Mapping[str, Any]:
    """Read what a native instance is; empty where no file of the set has it."""
    own = row_columns(rows)
    [place] = (own.key == key_number(line.instance_key)).nonzero()[0][:1]
    paths = rows.conversations or (rows.paths[own.file[place]],)
    for path in paths:
        found = _said(rows, path, line.instance_key)
        if found:
            return found
    return {}


def _said(rows: RowSet, path: str, key: str) -> Mapping[str, Any]:
    names = ("messages", "tools", "reasoning", "rejected")
    with rows.storage.open(path) as opened:
        try:
            file = pq.ParquetFile(opened)
            for number in range(file.num_row_groups):
                keys = file.read_row_group(number, ["instance_key"])["instance_key"]
                at = pc.index(keys, key).as_py()
                if at >= 0:
                    there = [name for name in names if name in file.schema_arrow.names]
                    group = file.read_row_group(number, there)
                    [found] = group.slice(at, 1).to_pylist()
                    return dict(found)
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"{path}: {error}") from error
    return {}
