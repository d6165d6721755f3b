"""What the Hub's list tells of a card is what the card would come to, word for word."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from demo.hub_blobs import parse_front_matter
from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import KEEP, Told, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import parse_card, read_card_data, read_tags
from dynosaur_etl.hub.filters import examine_card, examine_told
from dynosaur_etl.settings import Settings

DEFAULTS = Settings()
judge = partial(examine_card, licences=DEFAULTS.licences, languages=DEFAULTS.languages)


@pytest.mark.parametrize(
    ("tags", "reason", "detail"),
    [
        (["license:cc-by-nc-4.0"], Reason.LICENCE_NOT_ALLOWED, "cc-by-nc-4.0"),
        (["license:mit", "license:cc-by-nc-4.0"], Reason.LICENCE_NOT_ALLOWED, "cc-by-nc-4.0"),
        (["license:unknown", "language:en"], Reason.LICENCE_MISSING, "unknown"),
        (["license:gpl_x", "language:de"], Reason.LICENCE_NOT_ALLOWED, "gpl_x"),
        (["license:mit", "language:de"], Reason.LANGUAGE_NOT_ALLOWED, "de"),
        (["license:mit", "language:de", "language:en"], Reason.MULTILINGUAL, "de, en"),
    ],
)
def test_tags_that_settle_the_verdict(tags: list[str], reason: Reason, detail: str) -> None:
    told = read_tags(["region:us", *tags])
    assert told is not None
    assert examine_told(told, judge) == Verdict(reason, detail)


@pytest.mark.parametrize(
    "tags",
    [
        [],
        ["language:de"],  # the card may be broken, or hold the keys of 2020
        ["license:other", "language:en"],  # named on the card alone
        ["license:other", "language:de"],
        ["licence:none", "text:license:other"],
    ],
)
def test_tags_that_tell_nothing(tags: list[str]) -> None:
    assert read_tags(tags) is None


@pytest.mark.parametrize("tags", [["license:mit"], ["license:mit", "language:en"]])
def test_tags_that_leave_it_to_the_card(tags: list[str]) -> None:
    assert examine_told(read_tags(tags) or Told((), ()), judge) == KEEP


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"pretty_name": "Tides"}, Told((), ())),
        ({"license": "other", "license_name": "tide-1"}, Told(("other",), (), "tide-1")),
        (
            {"licenses": ["cc-by-4-0"], "languages": ["no", "EN"]},
            Told(("cc-by-4.0",), ("no", "en")),
        ),
        ({"license": {"a": "mit", "b": ["gfdl"]}}, Told(("mit", "gfdl"), ())),
        ({"license": None, "extra": 3.5}, Told((), ())),
        ({"license": ["mit", 4.0]}, None),  # YAML that was not read as text
        ({"language": [False, "en"]}, None),
        ({"language": [{"iso": 12}]}, None),
        (None, None),
        ("license: mit", None),
        ([], None),
    ],
)
def test_reading_the_yaml_that_the_list_gives(metadata: Any, told: Told | None) -> None:
    assert read_card_data(metadata) == told


@pytest.mark.recording
@pytest.mark.parametrize("source", ["tags", "YAML"])
def test_recorded_lists_and_cards_agree(recorded_hub: Path, source: str) -> None:
    settled = 0
    for line in (recorded_hub / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        card = (recorded_hub / "datasets" / entry["id"] / "README.md").read_bytes()
        metadata = parse_front_matter(card.decode()) if source == "YAML" else None
        told = read_tags(entry["tags"]) if source == "tags" else read_card_data(metadata)
        verdict = examine_told(told, judge) if told else KEEP
        if not verdict.keep:
            settled += 1
            assert verdict == judge(parse_card(card)), entry["id"]
    dropped = 0
    for path in sorted((recorded_hub / "datasets").glob("*/README.md")):
        try:
            dropped += not judge(parse_card(path.read_bytes())).keep
        except HubRefused:
            dropped += 1
    assert settled >= (0.97 if source == "YAML" else 0.6) * dropped, (settled, dropped)
