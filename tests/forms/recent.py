"""The sets of newer forms as the reader gives them, and what is right for each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Revision
from dynosaur_etl.forms.instances import NativeInstance
from dynosaur_etl.forms.reasoning import with_thought
from dynosaur_etl.forms.values import decoded_rows
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.ladder import sample_dataset
from dynosaur_etl.hub.sources import SampleRules
from tests.demo.hub_support import serve

RULES = SampleRules(configs=10, rows=200, seed=0, stream_seconds=60)


@dataclass(frozen=True)
class Read:
    """A config that has rows."""

    features: dict[str, Any]
    rows: list[dict[str, Any]]


def expectations(root: Path) -> list[dict[str, Any]]:
    """Give the lines of what is right, one a config."""
    lines = (root / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def read_configs(root: Path, log: Path) -> dict[str, list[tuple[str, Read]]]:
    """Read the rows of every config with the product's own reader, by dataset."""
    lines = (root / "index.jsonl").read_text(encoding="utf-8").splitlines()
    with serve(root, log) as hub:
        client = HubClient(hub.endpoint, None, f"{hub.endpoint}/viewer", timeout=10, concurrency=4)
        return {
            entry["id"]: list(_configs(client, entry))
            for entry in map(json.loads, lines)
            if not entry["gated"]
        }


def _configs(client: HubClient, entry: dict[str, Any]) -> Iterator[tuple[str, Read]]:
    revision = Revision(entry["id"], entry["sha"], datetime.now(UTC))
    data = client.card_bytes(revision.dataset_id, revision.sha)
    assert data is not None
    files = client.files(revision.dataset_id, revision.sha)
    try:
        outcomes = list(sample_dataset(client, revision, parse_card(data), files, RULES, True))
    except HubRefused:
        return
    for outcome in outcomes:
        if outcome.sample is not None and outcome.sample.table.num_rows:
            features = dict(outcome.sample.config.features)
            table = outcome.sample.table.select(list(features))
            yield outcome.name, Read(features, decoded_rows(features, table.to_pylist()))


def has_instance(wanted: dict[str, Any], made: list[NativeInstance]) -> bool:
    """Tell whether a worked instance is among those that were made; its instruction is free."""
    if "messages" in wanted:
        turns = [(turn["role"], turn["content"].strip()) for turn in wanted["messages"]]
        return any(_said(one)[: len(turns)] == turns for one in made)
    same = [one for one in made if one.output == wanted["output"]]
    asked = " ".join([wanted["instruction"], wanted["input"]]).split()
    return any(
        set(wanted["input"].split()) <= set(_asked(one).split()) | set(asked) for one in same
    )


def outputs_of(made: list[NativeInstance]) -> set[str]:
    """Give every text that a model would be taught to write."""
    said = {turn.content for one in made for turn in one.messages if turn.role == "assistant"}
    return {text.strip() for text in said | {one.output for one in made}}


def _asked(one: NativeInstance) -> str:
    return f"{one.instruction} {one.input}"


def _said(one: NativeInstance) -> list[tuple[str, str]]:
    return [(turn.role, with_thought(turn.thought, turn.content)) for turn in one.messages]
