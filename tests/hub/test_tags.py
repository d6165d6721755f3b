"""What the list's tags settle is what the card would come to, word for word."""

import json
from functools import partial
from pathlib import Path

import pytest

from dynosaur_etl.domain.models import KEEP
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.filters import examine_card
from dynosaur_etl.hub.tags import examine_tags
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
    ],
)
def test_tags_that_settle_the_verdict(tags: list[str], reason: Reason, detail: str) -> None:
    verdict = examine_tags(["region:us", *tags], judge)
    assert (verdict.reason, verdict.detail) == (reason, detail)


@pytest.mark.parametrize(
    "tags",
    [
        [],
        ["language:de"],  # the card may be broken, or hold the keys of 2020
        ["license:mit"],
        ["license:mit", "language:en"],
        ["license:mit", "language:de"],  # the card's text may restrict its licence
        ["license:other", "language:en"],  # named on the card alone
        ["license:other", "language:de"],
        ["licence:none", "text:license:other"],
    ],
)
def test_tags_that_leave_it_to_the_card(tags: list[str]) -> None:
    assert examine_tags(tags, judge) == KEEP


@pytest.mark.recording
def test_recorded_tags_and_cards_agree(recorded_hub: Path) -> None:
    told = 0
    for line in (recorded_hub / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        verdict = examine_tags(entry["tags"], judge)
        if not verdict.keep:
            told += 1
            card = (recorded_hub / "datasets" / entry["id"] / "README.md").read_bytes()
            assert verdict == judge(parse_card(card)), entry["id"]
    assert told > 200
