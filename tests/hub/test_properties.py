"""What holds of any card and of any features, as hypothesis finds them."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.features import INPUT_KINDS, FieldKind, fields_of, usable_fields
from dynosaur_etl.domain.models import Config
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import MAX_VALUE, parse_card
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.filters import examine_card, examine_config
from dynosaur_etl.hub.rows import ROW, SPLIT, ConfigSample, sample_viewed_config
from dynosaur_etl.hub.viewer import view_configs
from tests.hub.faulty_hub import FaultyHub, faulty_hub
from tests.hub.test_rows import sample
from tests.hub.test_viewer import INFO, REVISION, ROWS, viewed

UNREADABLE = {Reason.FEATURES_UNREADABLE, Reason.ROWS_UNREADABLE}
NAMES = st.text("ab _.-\u00e4\u4e2d0\"';", min_size=1, max_size=8)
DTYPES = st.sampled_from(
    ["string", "large_string", "int8", "int64", "uint16", "float32", "float64", "bool",
     "timestamp[ms]", "date32", "binary", "decimal128(10, 2)"]
)  # fmt: skip
VALUES = DTYPES.map(lambda dtype: {"dtype": dtype, "_type": "Value"})
LABELS = st.lists(NAMES, min_size=1, max_size=5, unique=True).map(
    lambda names: {"names": names, "_type": "ClassLabel"}
)
LEAVES = VALUES | LABELS


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.sampled_from(["List", "LargeList"])
    return st.builds(lambda kind, of: {"feature": of, "_type": kind}, lists, inner) | (
        st.dictionaries(NAMES.filter(lambda name: name != "_type"), inner, min_size=1, max_size=3)
    )


SOUND = st.dictionaries(NAMES, st.recursive(LEAVES, nested, max_leaves=6), min_size=1, max_size=5)
ODD = st.sampled_from(
    [None, True, 7, "Value", [], [1, 2], {}, {"_type": None}, {"_type": "os.system"}, {"_type": []},
     {"_type": "Value"}, {"_type": "Value", "dtype": "int65"}, {"_type": "Value", "dtype": [1]},
     {"_type": "ClassLabel"}, {"_type": "ClassLabel", "names": 7}, {"_type": "Image"},
     {"_type": "ClassLabel", "names": [1, None, "a", "a"]}, {"_type": "List"},
     {"_type": "Translation", "languages": 3}, {"_type": "Array2D", "shape": ["x"]},
     {"_type": "__class__"}, {"_type": "Features"}]
)  # fmt: skip
HOSTILE = st.dictionaries(NAMES, st.recursive(LEAVES | ODD, nested, max_leaves=6), max_size=4)


@pytest.fixture(scope="module")
def hub() -> Iterator[FaultyHub]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        with faulty_hub() as running:
            yield running


@pytest.fixture(scope="module")
def client(hub: FaultyHub) -> HubClient:
    return HubClient(hub.endpoint, None, f"{hub.endpoint}/viewer", timeout=5, concurrency=4)


def parquet(schema: pa.Schema, features: Any) -> bytes:
    """Give a file of three rows of nulls, with the features as its metadata."""
    told = json.dumps({"info": {"features": features}})
    table = pa.table([pa.nulls(3, field.type) for field in schema], schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({"huggingface": told}), sink)
    return bytes(sink.getvalue())


@settings(max_examples=200)
@given(HOSTILE)
def test_every_field_has_a_kind_and_every_config_a_verdict(features: Mapping[str, Any]) -> None:
    fields = fields_of(features)
    assert [field.name for field in fields] == list(features)
    usable = usable_fields(fields)
    assert {field.kind for field in usable if not field.flattens} <= INPUT_KINDS
    assert {field.kind for field in usable if field.flattens} <= {FieldKind.NESTED}
    verdict = examine_config(Config("o/n", "0" * 40, "c", features, {}))
    assert verdict.keep == (verdict.reason is None)
    kinds = {field.kind for field in fields}
    if FieldKind.MEDIA in kinds:
        assert verdict.reason is Reason.MODALITY


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(SOUND)
def test_features_of_a_file_come_back_as_they_are_with_all_its_rows(
    hub: FaultyHub, client: HubClient, features: dict[str, Any]
) -> None:
    from datasets import Features

    real = Features.from_dict(features)
    told = json.loads(json.dumps(real.to_dict()))
    found = sample(hub, client, {"train.parquet": parquet(real.arrow_schema, told)})
    assert dict(found.config.features) == told
    assert found.table.column_names == [*features, SPLIT, ROW]
    assert found.table.schema.types[:-2] == real.arrow_schema.types
    assert found.table.num_rows == (3 if examine_config(found.config).keep else 0)


def either(call: Any) -> ConfigSample | None:
    try:
        found: ConfigSample = call()
    except HubRefused as refusal:
        assert refusal.reason in UNREADABLE  # noqa: PT017 - or there is a sample
        return None
    return found


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE)
def test_whatever_a_files_metadata_say_it_is_read_or_refused(
    hub: FaultyHub, client: HubClient, features: dict[str, Any]
) -> None:
    schema = pa.schema([(name, pa.string()) for name in features or ["a"]])
    content = parquet(schema, features)
    found = either(lambda: sample(hub, client, {"train.parquet": content}))
    assert found is None or found.table.num_rows in (0, 3)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE)
def test_whatever_the_viewer_calls_features_is_read_or_refused(
    hub: FaultyHub, client: HubClient, features: dict[str, Any]
) -> None:
    told = {"default": {"features": features, "splits": {"train": {"num_examples": 1}}}}
    hub.answers[INFO] = [viewed({"dataset_info": told})]
    row = dict.fromkeys(features)
    hub.answers[ROWS] = [viewed({"rows": [{"row_idx": 0, "row": row, "truncated_cells": []}]})]
    [config] = view_configs(client, REVISION)
    found = either(lambda: sample_viewed_config(client, REVISION, config, 10, 0))
    assert found is None or found.table.num_rows in (0, 1)


YAML_PIECES = st.sampled_from(
    ["license: mit", "language: no", "a: &x [1]", "b: *x", "<<: *x", "? - complex", ": value",
     "- - - 1", "%YAML 1.1", "...", "---", "{a: [b, {c: d}]}", "  folded", "  - deep",
     "!!python/object/apply:os.system [x]", "configs: !!binary aGVsbG8=", "license: |", "\t", "'",
     "language: [[[[en]]]]", '"', "key: 'un", "2022-01-01: 1e999", "license: {a: {b: mit}}",
     "\ufeff", "\x85", "\u2028", "configs:", "- config_name: {a: b}",
     "  data_files: [1, {path: 2}]", "pretty_name: >-"]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(YAML_PIECES, max_size=12), st.sampled_from(["\n", "\r\n", "\r"]))
def test_front_matter_of_any_shape_gives_a_card_or_a_refusal(pieces: list[str], end: str) -> None:
    text = end.join(["---", *pieces, "---", "# Title"])
    try:
        card = parse_card(text.encode("utf-8", "surrogatepass"))
    except HubRefused as refusal:
        assert refusal.reason is Reason.CARD_UNREADABLE  # noqa: PT017 - or there is a card
        return
    for values in (card.licences, card.languages, card.tags):
        assert all(isinstance(value, str) and 0 < len(value) <= 2 * MAX_VALUE for value in values)
    assert "False" not in card.languages, "Norwegian"
    assert all(config.get("config_name") for config in card.configs)
    examine_card(card, ("mit",), ("en",))


HIDDEN = "HIDDENWORD"
HTML_PIECES = st.sampled_from(
    [f"<script>{HIDDEN}</script>", f"<style>{HIDDEN}</style>", f"<!-- {HIDDEN} -->",
     f"<img src=x onerror='{HIDDEN}'>", f'<a href="javascript:{HIDDEN}">a link</a>', "<p>", "</p>",
     "<div align=center>", "</div>", "<b>bold words</b>", "<table><tr><td>cell</td></tr></table>",
     "Plain words of a summary, in a row.", "\n", "\n\n", "&lt;b&gt; escaped &amp; kept",
     "- point\n", "> quoted\n", "| a | b |\n|---|---|\n| c | d |\n", "\x00", "\u202e",
     "### Another\n"]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(HTML_PIECES, max_size=15))
def test_no_word_of_code_or_comments_of_html_is_in_a_summary(pieces: list[str]) -> None:
    body = "".join(pieces)
    card = parse_card(f"---\nlicense: mit\n---\n## Dataset Summary\n\n{body}".encode())
    assert HIDDEN not in card.summary
    assert "<div" not in card.summary
    assert "\x00" not in card.summary
    assert len(card.summary) <= 2_000


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(HTML_PIECES | YAML_PIECES, min_size=1, max_size=3), st.booleans())
def test_a_card_that_repeats_anything_is_read_in_little_time(
    pieces: list[str], in_the_head: bool
) -> None:
    piece = "".join(pieces) + "\n"
    many = piece * (100_000 // len(piece))
    text = f"---\n{many}\n---\n" if in_the_head else f"---\nlicense: mit\n---\n{many}"
    started = time.process_time()
    try:
        parse_card(text.encode())
    except HubRefused as refusal:
        assert refusal.reason is Reason.CARD_UNREADABLE  # noqa: PT017 - or there is a card
    assert time.process_time() - started < 10
