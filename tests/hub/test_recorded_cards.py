"""All recorded cards: what is read of them, and their verdicts, as found by reading them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Card
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.filters import examine_card
from dynosaur_etl.settings import Settings

pytestmark = pytest.mark.recording

LICENCES = Settings.model_fields["licences"].default
CONFLICTS = {
    "acronym_identification", "asset", "bbc_hindi_nli", "bn_hate_speech", "deal_or_no_dialog",
    "enriched_web_nlg", "glucose", "hda_nli_hindi", "head_qa", "hope_edi", "id_newspapers_2018",
    "menyo20k_mt", "metooma", "monash_tsf", "msr_sqa", "pass", "persian_ner", "senti_ws",
    "silicone", "wiki_lingua",
}  # fmt: skip


@pytest.fixture(scope="module")
def cards(recorded_hub: Path) -> dict[str, tuple[dict[str, Any], Card]]:
    entries = map(json.loads, (recorded_hub / "index.jsonl").read_text().splitlines())
    return {
        entry["id"]: (
            entry,
            parse_card((recorded_hub / "datasets" / entry["id"] / "README.md").read_bytes()),
        )
        for entry in entries
    }


def test_licences_and_languages_are_those_of_the_index(
    cards: dict[str, tuple[dict[str, Any], Card]],
) -> None:
    assert len(cards) == 551
    for entry, card in cards.values():
        assert list(card.licences) == (entry["license"] or [])
        assert list(card.languages) == entry["languages"]


def test_verdicts(cards: dict[str, tuple[dict[str, Any], Card]]) -> None:
    verdicts = {name: examine_card(card, LICENCES, ("en",)) for name, (_, card) in cards.items()}
    assert Counter(verdict.reason for verdict in verdicts.values()) == {
        None: 145,  # two name no language: their text decides
        Reason.LICENCE_MISSING: 201,
        Reason.LICENCE_NOT_ALLOWED: 75,
        Reason.LICENCE_CONFLICT: 9,
        Reason.LANGUAGE_NOT_ALLOWED: 64,
        Reason.MULTILINGUAL: 57,
    }


def test_texts_that_restrict_what_the_yaml_allows(
    cards: dict[str, tuple[dict[str, Any], Card]],
) -> None:
    spoken = {code.partition("-")[0] for _, card in cards.values() for code in card.languages}
    verdicts = {name: examine_card(card, LICENCES, spoken) for name, (_, card) in cards.items()}
    found = {name for name, item in verdicts.items() if item.reason is Reason.LICENCE_CONFLICT}
    assert found == CONFLICTS


def test_no_card_that_forbids_commerce_or_derivatives_is_kept(
    cards: dict[str, tuple[dict[str, Any], Card]],
) -> None:
    for entry, card in cards.values():
        if entry["licence_class"] in {"noncommercial", "no-derivatives", "unknown", "none"}:
            assert not examine_card(card, LICENCES, ("en",)).keep, entry["id"]


def test_summaries(cards: dict[str, tuple[dict[str, Any], Card]]) -> None:
    def summary(name: str) -> str:
        return cards[name][1].summary

    assert summary("squad").startswith("Stanford Question Answering Dataset (SQuAD) is a reading")
    assert summary("glue").startswith("GLUE, the General Language Understanding Evaluation")
    assert summary("codah") == ""  # its card is the empty template
    assert sum(bool(card.summary) for _, card in cards.values()) > 500
    for _, card in cards.values():
        assert len(card.summary) <= 2_000
        assert "Information Needed" not in card.summary
        assert "</" not in card.summary


def test_every_older_version_is_read_or_refused(recorded_hub: Path) -> None:
    versions = sorted(recorded_hub.glob("datasets/*/history/*.md"))
    refused = set()
    for version in versions:
        try:
            parse_card(version.read_bytes())
        except HubRefused:
            refused.add(version.parent.parent.name)
    assert len(versions) == 1_360
    assert refused == {"ethos", "ncbi_disease", "setimes", "tatoeba", "un_multi", "xed_en_fi"}
