"""Columns of any type, with any values: from a file to the prompt and to instances, or refused."""

import io
import json
from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings

from dynosaur_etl.domain.features import SCALAR_KINDS
from dynosaur_etl.domain.models import Config, Mode, Revision, Task
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub import rows as sampling
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.config_columns import NO_FEATURE, NO_TEXT, UnreadableValues
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.file_draw import ReadFile, SplitReading
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.parquet_rows import DrawnRows, Fit, Footers
from dynosaur_etl.hub.plain_columns import plain, plain_table, plain_type
from dynosaur_etl.hub.rows import ConfigSample, sample_config
from dynosaur_etl.instances.organise import RULES, Filling, fill_task
from dynosaur_etl.instances.shown import shown_rows
from dynosaur_etl.proposals.prompt import build_request
from tests.domain.arrow_values import any_arrays
from tests.hub.faulty_hub import SHA, FaultyHub

REVISION = Revision("owner/name", SHA, datetime(2023, 1, 1, tzinfo=UTC))
MANY = hypothesis_settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def is_valid(values: pa.Array) -> bool:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def table_of(values: pa.Array) -> pa.Table:
    """Put a column between two of text, so that a config can be kept whatever it is."""
    texts = pa.array([f"a note of {at} words" for at in range(len(values))])
    moods = pa.array(["calm" if at % 2 else "glad" for at in range(len(values))])
    return pa.table({"note": texts, "any": values, "mood": moods})


def whole_fields(sample: ConfigSample) -> list[UnreadableValues]:
    """Give the fields that are left out, whole, with why."""
    return [found for found in sample.unreadable if found.field not in sample.table.schema.names]


def from_memory(client: HubClient, table: pa.Table) -> ConfigSample:
    """Sample a table as that of a file, also where Parquet has no place for its types."""
    read = SplitReading(1, (ReadFile("x", table.num_rows, is_whole=True),))
    footers = Footers(table.schema, (), {"train": read})

    def drawn(_: Footers, rows: int, draw: Random, fit: Fit) -> DrawnRows:
        splits = ["train"] * table.num_rows
        return DrawnRows(fit(plain_table(table)), splits, list(range(table.num_rows)))

    files = ConfigFiles("default", "parquet", {"train": (RepoFile("x", 1),)})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sampling, "read_footers", lambda *_: footers)
        patched.setattr(sampling, "draw_rows", drawn)
        return sample_config(client, REVISION, files, 50, 0)


def from_parquet(hub: FaultyHub, client: HubClient, table: pa.Table) -> ConfigSample:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    hub.files["train.parquet"] = sink.getvalue()
    size = len(sink.getvalue())
    files = ConfigFiles("default", "parquet", {"train": (RepoFile("train.parquet", size),)})
    return sample_config(client, REVISION, files, 50, 0)


def stored(sample: ConfigSample) -> pa.Table:
    """Keep rows as the store keeps them."""
    sink = io.BytesIO()
    pq.write_table(sample.table, sink)
    return pq.read_table(sink)


def check(sample: ConfigSample) -> None:
    """What is shown of the rows can be asked with, and what is filled of them says the same."""
    config, rows = sample.config, stored(sample)
    assert rows.num_rows + sample.oversized == sample.table.num_rows + sample.oversized
    assert json.loads(json.dumps(dict(config.features))) == config.features
    for name, rules in RULES.items():
        shown = shown_rows(config, rows.select(list(config.features)), rules)
        assert len(shown) == rows.num_rows
        json.dumps(shown, allow_nan=False)
        for field in config.fields:
            if field.can_be_input:
                check_filling(config, rows, field.name, shown, name)
    if examine_config(config).keep:
        build_request("a card", config.dataset_id, config, shown[:2], Mode.AWARE, "model")


def check_filling(
    config: Config, rows: pa.Table, field: str, shown: list[dict[str, Any]], rules: str
) -> None:
    task = Task(
        dataset_id=config.dataset_id, revision=config.revision, config=config.name,
        instruction="Tell what is asked.", input_fields=(field,), output_field="mood",
        label_space=(), mode=Mode.AWARE, prompt_version="p", licence="mit", request_key="r" * 64,
    )  # fmt: skip
    [filled] = fill_task(task, config, [rows], Filling(RULES[rules]), "2024-01-02")
    rejected = Counter({reason: number for (reason, _), number in filled.rejected.items()})
    assert Reason.UNFORESEEN_ERROR not in rejected
    assert filled.instances.num_rows + rejected.total() == rows.num_rows
    if next(found for found in config.fields if found.name == field).kind in SCALAR_KINDS:
        for instance in filled.instances.to_pylist():
            [row] = [at for at, n in enumerate(rows["__row__"].to_pylist()) if n == instance["row"]]
            value = shown[row][field]
            written = value if isinstance(value, str) else json.dumps(value)
            assert instance["input"] == written


@MANY
@given(any_arrays())
def test_columns_of_any_type(client: HubClient, values: pa.Array) -> None:
    sample = from_memory(client, table_of(values))
    check(sample)
    kept = sample.table.schema.names
    assert ("any" in kept) != any(found.field == "any" for found in whole_fields(sample))
    assert ("any" in kept) <= (plain_type(values.type) is not None)


@MANY
@given(any_arrays())
def test_the_plain_form_has_the_type_that_is_foretold(values: pa.Array) -> None:
    found = plain(values)
    assert (None if found is None else found.type) == plain_type(values.type)
    if found is not None:
        assert len(found) == len(values)
        assume(is_valid(values))  # a time of day may be negative, a date have parts of days
        found.validate(full=True)


@MANY
@given(any_arrays())
def test_parquet_columns_of_any_type(hub: FaultyHub, client: HubClient, values: pa.Array) -> None:
    table = table_of(values)
    try:
        pq.write_table(table, io.BytesIO())
    except (pa.ArrowException, OSError, OverflowError):
        assume(False)
    check(from_parquet(hub, client, table))


US = 10**6
SECONDS = 253_402_300_800  # the first of the year 10000
LEFT_OUT: dict[str, tuple[pa.Array, str]] = {
    "an unknown zone": (pa.array([0, 1], pa.timestamp("us", "Mars/Base")), NO_TEXT),
    "no zone at all": (pa.array([0, 1], pa.timestamp("us", "..")), NO_FEATURE),
    "years 10000 and later": (pa.array([SECONDS, 2**62], pa.timestamp("s")), NO_TEXT),
    "an interval": (pa.array([pa.MonthDayNano([1, 2, 3])] * 2), NO_FEATURE),
    "a union": (
        pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2])] * 2),
        NO_FEATURE,
    ),
    "a structure of nothing": (pa.array([{}, {}], pa.struct([])), NO_FEATURE),
    "no text": (
        pa.Array.from_buffers(pa.string(), 2, [None, *pa.array([b"\xff", b"a"]).buffers()[1:]]),
        "Invalid UTF8",
    ),
}


@pytest.mark.parametrize(("values", "why"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_field_that_cannot_be_kept_is_left_out_alone(
    client: HubClient, values: pa.Array, why: str
) -> None:
    sample = from_memory(client, table_of(values))
    [field] = sample.unreadable
    assert field.field == "any"
    assert why in field.why
    assert [found.name for found in sample.config.fields] == ["note", "mood"]
    assert sample.table.num_rows == 2
    check(sample)


SHOWN: dict[str, tuple[pa.Array, list[Any]]] = {
    "one far year": (pa.array([SECONDS, 0], pa.timestamp("s")), [None, "1970-01-01 00:00:00"]),
    "durations": (pa.array([60 * US, -US], pa.duration("us")), ["0:01:00", "-0:00:01"]),
    "a dictionary": (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
    "run ends": (pa.RunEndEncodedArray.from_arrays([2], ["a"]), ["a", "a"]),
    "views of texts": (pa.array(["a", None], pa.string_view()), ["a", None]),
    "views of lists": (pa.array([["a"], []], pa.list_view(pa.string())), [["a"], []]),
    "large lists": (pa.array([["a"], None], pa.large_list(pa.string())), [["a"], None]),
    "pairs": (pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2)), [["1", "2"], ["3", "4"]]),
    "a map": (
        pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int8())),
        [[{"key": "k", "value": "1"}], []],
    ),
    "a large decimal": (pa.array([10**60, 1], pa.decimal256(70, 3)), [f"{10**60}.000", "1.000"]),
    "a scale below 0": (pa.array([12_000, 0], pa.decimal128(5, -3)), [12_000, 0]),
    "whole numbers": (pa.array([2**64 - 1, 0], pa.uint64()), [2**64 - 1, 0]),
    "no values": (pa.nulls(2), [None, None]),
    "a structure of a structure of nothing": (
        pa.array([{"a": "x", "b": {}}] * 2, pa.struct([("a", pa.string()), ("b", pa.struct([]))])),
        [{"a": "x"}, {"a": "x"}],
    ),
    "lists of JSON": (
        pa.ListArray.from_arrays(
            pa.array([0, 1, 2], pa.int32()),
            pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}', "[]"])),
        ),
        [['{"a": 1}'], ["[]"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("values", "shown"), SHOWN.values(), ids=SHOWN)
def test_a_field_that_can_be_kept_is_shown(
    client: HubClient, values: pa.Array, shown: list[Any]
) -> None:
    sample = from_memory(client, table_of(values))
    rows = shown_rows(sample.config, stored(sample).select(["any"]), RULES["default"])
    assert [row["any"] for row in rows] == shown
    check(sample)
