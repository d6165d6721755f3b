"""The conversations of a version's native instances, and the preferences among them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.domain.models import Mode
from dynosaur_etl.domain.schemas import CONVERSATIONS
from dynosaur_etl.snapshots.layout import PREFERENCE_COLUMNS, SELECTED_NATIVE
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.training.examples import as_messages

NO_TOOLS = "[]"
_ADDED = ("messages", "tools", "reasoning")


def read_conversations(storage: Storage, paths: Sequence[str], *rows: pa.Table) -> pa.Table:
    """Read the conversations of the native instances among rows, each once.

    Raises:
        Corrupt: a native instance has none in the files.
    """
    native = [table.filter(pc.equal(table["mode"], str(Mode.NATIVE))) for table in rows]
    keys = pa.concat_tables([table.select(["instance_key"]) for table in native])["instance_key"]
    found = [CONVERSATIONS.empty_table()]
    for path in dict.fromkeys(paths):
        said = storage.read_table(path)
        found.append(said.filter(pc.is_in(said["instance_key"], value_set=keys)))
    everything = pa.concat_tables(found).combine_chunks()
    at = pc.drop_null(pc.index_in(pc.unique(keys), value_set=everything["instance_key"]))
    if len(at) < len(pc.unique(keys)):
        missing = len(pc.unique(keys)) - len(at)
        raise Corrupt(f"conversations: {missing} native instances are not in their files")
    return everything.take(at)


def with_conversations(rows: pa.Table, said: pa.Table) -> pa.Table:
    """Add messages, tools and reasoning: of native instances as they are, of others as two turns.

    Args:
        rows: columns `layout.SELECTED`.
        said: of `read_conversations`.
    """
    is_native = pc.is_in(rows["instance_key"], value_set=said["instance_key"])
    others = _two_turns(rows.filter(pc.invert(is_native)))
    everything = pa.concat_tables([said.drop_columns("rejected"), others])
    at = pc.index_in(rows["instance_key"], value_set=everything["instance_key"].combine_chunks())
    for name in _ADDED:
        rows = rows.append_column(SELECTED_NATIVE.field(name), everything[name].take(at))
    tools = pc.if_else(pc.equal(rows["tools"], ""), NO_TOOLS, rows["tools"])
    place = rows.schema.get_field_index("tools")
    return rows.set_column(place, SELECTED_NATIVE.field("tools"), tools)


def preferences_of(rows: pa.Table, said: pa.Table) -> pa.Table:
    """Return the pairs of a chosen and a rejected answer among rows, in their order."""
    by_key = {one["instance_key"]: one for one in said.to_pylist() if one["rejected"]}
    columns = ["instance_key", "dataset", "revision", "config", "split", "row"]
    pairs = [
        _pair(row, by_key[row["instance_key"]])
        for row in rows.select(columns).to_pylist()
        if row["instance_key"] in by_key
    ]
    return pa.Table.from_pylist(pairs, schema=PREFERENCE_COLUMNS)


def _two_turns(rows: pa.Table) -> pa.Table:
    texts = rows.select(["instruction", "input", "output"]).to_pylist()
    columns = {
        "instance_key": rows["instance_key"],
        "messages": pa.array(map(as_messages, texts), CONVERSATIONS.field("messages").type),
        "tools": pa.array([""] * len(texts), pa.string()),
        "reasoning": pa.array([""] * len(texts), pa.string()),
    }
    fields = [field for field in CONVERSATIONS if field.name != "rejected"]
    return pa.table(columns, schema=pa.schema(fields))


def _pair(row: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    *prompt, chosen = map(_plain, said["messages"])
    place = f"{row['config']}/{row['split']}/{row['row']}"
    return {
        "instance_key": row["instance_key"],
        "prompt": prompt,
        "chosen": [chosen],
        "rejected": [{"role": "assistant", "content": said["rejected"]}],
        "source": f"{row['dataset']}@{row['revision']}/{place}",
    }


def _plain(turn: Mapping[str, Any]) -> dict[str, str]:
    """Return a turn as role and text; a call without a text is written as JSON."""
    calls = [call["function"] for call in turn["tool_calls"] or ()]
    content = turn["content"] or json.dumps(calls, ensure_ascii=False)
    return {"role": turn["role"], "content": content}
