"""The columns of the bulk tables that pass from room to room."""

import pyarrow as pa

INSTANCES = pa.schema(
    [
        pa.field("instance_key", pa.string(), nullable=False),
        pa.field("instruction", pa.string(), nullable=False),
        pa.field("input", pa.string(), nullable=False),
        pa.field("output", pa.string(), nullable=False),
        pa.field("task_key", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        pa.field("config", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("prompt_version", pa.string(), nullable=False),
        pa.field("growth_day", pa.string(), nullable=False),
        pa.field("pii", pa.string(), nullable=False),
    ]
)
"""One row an instance; `instance_key` is the digest of instruction, input and output.

`pii` names the kinds of personal data that were found, joined by `, `; mostly it is empty.
"""

CALL = pa.struct([pa.field("name", pa.string()), pa.field("arguments", pa.string())])
TOOL_CALL = pa.struct(
    [pa.field("id", pa.string()), pa.field("type", pa.string()), pa.field("function", CALL)]
)
TURN = pa.struct(
    [
        pa.field("role", pa.string()),
        pa.field("content", pa.string()),
        pa.field("tool_calls", pa.list_(TOOL_CALL)),
    ]
)
"""A turn as chat templates read it; the arguments of a call are JSON as a text."""

CONVERSATIONS = pa.schema(
    [
        pa.field("instance_key", pa.string(), nullable=False),
        pa.field("messages", pa.list_(TURN), nullable=False),
        pa.field("tools", pa.string(), nullable=False),
        pa.field("reasoning", pa.string(), nullable=False),
        pa.field("rejected", pa.string(), nullable=False),
    ]
)
"""The conversations that native instances are, one row an instance.

`tools` is JSON as a text; it, `reasoning` and `rejected` are empty where there is none.
"""

SCORABLE = INSTANCES.append(pa.field("label_space", pa.list_(pa.string()), nullable=False))
"""Instances with the closed list of outputs of their task, empty where the output is open."""

ERROR = "error"
"""The column of words about an instance for which nothing could be made; mostly it is not there."""
CONTENT_KEY = "content_key"
"""The column of scores and vectors that names all that was read to make a row."""

SCORES = pa.schema(
    [
        pa.field("instance_key", pa.string(), nullable=False),
        pa.field(CONTENT_KEY, pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("missing", pa.string()),
    ]
)
"""Quality in [0, 1], in the order of the instances; extra columns name its signals.

`content_key` is the digest of all that a scorer sees. `missing` is null where there is a score,
else the reason code why there is none, or `deferred` where the next run asks again.
"""

SELECTION = pa.schema(
    [
        pa.field("rank", pa.int64(), nullable=False),
        pa.field("instance_key", pa.string(), nullable=False),
        pa.field("gain", pa.float64(), nullable=False),
        pa.field("quality", pa.float64(), nullable=False),
        pa.field("coverage", pa.float64(), nullable=False),
    ]
)
"""The picks in greedy order; `coverage` is that of the pool after the pick, in [0, 1]."""

POOL = pa.schema(
    [
        pa.field("number", pa.int64(), nullable=False),
        pa.field("quality", pa.float64(), nullable=False),
        pa.field("held_out", pa.bool_(), nullable=False),
    ]
)
"""One row a live instance: where it stands among the rows of the days' instance files."""

TASKS_WITHOUT_AUTHORS = pa.schema(
    [
        pa.field("task_key", pa.string(), nullable=False),
        pa.field("growth_day", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        pa.field("config", pa.string(), nullable=False),
        pa.field("instruction", pa.string(), nullable=False),
        pa.field("input_fields", pa.list_(pa.string()), nullable=False),
        pa.field("output_field", pa.string(), nullable=False),
        pa.field("label_space", pa.list_(pa.string()), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("prompt_version", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
    ]
)
"""Tasks of versions from before they named who wrote them."""

TASKS = pa.schema(
    [
        *TASKS_WITHOUT_AUTHORS,
        pa.field("model", pa.string(), nullable=False),
        pa.field("provider", pa.string(), nullable=False),
        pa.field("written_on", pa.string(), nullable=False),
    ]
)
"""One row a task of the pool; who wrote it and on which day (UTC), or `unknown`."""

REJECTS = pa.schema(
    [
        pa.field("growth_day", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""One row for each thing, or number of like things, that was left out."""

SOURCES = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("languages", pa.string(), nullable=False),
        pa.field("pretty_name", pa.string(), nullable=False),
        pa.field("pool_instances", pa.int64(), nullable=False),
        pa.field("selected_instances", pa.int64(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
    ]
)
"""One row a source at a revision; several licences or languages are joined by `, `."""
