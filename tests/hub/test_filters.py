"""The filters' verdicts, and that those on recorded cards are the ones found by reading them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dynosaur_etl.domain.models import Card, Config, Listing, Statement
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.filters import (
    examine_card,
    examine_config,
    examine_fields,
    examine_language,
    examine_listing,
    leaves_language_open,
)

ALLOWED = ("mit", "cc-by-4.0", "cc-by-sa-4.0", "gpl-3.0", "odc-by", "apache-2.0")
CARD = Card(("mit",), ("en",), (), "", "", (), (), "0" * 64)
NOW = datetime(2024, 1, 1, tzinfo=UTC)
LISTING = Listing("owner/name", NOW, NOW, "a" * 40)
TEXT = {"dtype": "string", "_type": "Value"}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"gated": True}, Reason.GATED),
        ({"disabled": True, "gated": True}, Reason.DISABLED),
        ({"private": True, "disabled": True}, Reason.PRIVATE),
    ],
)
def test_listing(facts: dict[str, Any], reason: Reason | None) -> None:
    assert examine_listing(replace(LISTING, **facts)).reason is reason


@pytest.mark.parametrize(
    ("licences", "reason"),
    [
        (("mit",), None),
        (("mit", "cc-by-4.0"), None),
        (("gpl-3.0-or-later",), None),
        (("odc-by-1.0",), None),
        (("mit-or-apache-2.0",), None),
        ((), Reason.LICENCE_MISSING),
        (("unknown",), Reason.LICENCE_MISSING),
        (("mit", "unknown"), Reason.LICENCE_MISSING),
        (("mit", "cc-by-nc-4.0"), Reason.LICENCE_NOT_ALLOWED),
        (("other",), Reason.LICENCE_NOT_ALLOWED),
        (("cc-by-4.0-at",), Reason.LICENCE_NOT_ALLOWED),
    ],
)
def test_licences(licences: tuple[str, ...], reason: Reason | None) -> None:
    assert examine_card(replace(CARD, licences=licences), ALLOWED, ("en",)).reason is reason


def test_the_name_of_another_licence_is_told() -> None:
    card = replace(CARD, licences=("other",), licence_name="house rules")
    assert examine_card(card, ALLOWED, ("en",)).detail == "other (house rules)"


@pytest.mark.parametrize(
    "text",
    [
        "For non-commercial use only.",
        "Creative Commons Attribution-NonCommercial 4.0",
        "CC BY-NC-SA 4.0",
        "licensed under cc-by-nd-4.0",
        "No derivatives may be made.",
        "It may not be used for commercial purposes: not intended for commercial use.",
        "Commercial use is prohibited.",
        "The data is for research purposes only.",
        "It can only be used for academic work.",
        "Changes to the texts are not allowed.",
    ],
)
def test_a_text_that_restricts_the_yaml_is_a_conflict(text: str) -> None:
    verdict = examine_card(
        replace(CARD, statements=(Statement("License", text),)), ALLOWED, ("en",)
    )
    assert verdict.reason is Reason.LICENCE_CONFLICT
    assert "mit" in verdict.detail


@pytest.mark.parametrize(
    "text",
    [
        "",
        "More Information Needed",
        "MIT. You may not use this file except in compliance with the License.",
        "Free for commercial and non-commercial use.",
        "You can re-use the documents for commercial or non-commercial purposes.",
        "Non-commercial and commercial use are welcome.",
        "Any use of the work other than as authorised under this licence is prohibited.",
        "Download it for commercial/research purposes.",
    ],
)
def test_a_text_that_allows_as_much_is_none(text: str) -> None:
    assert examine_card(
        replace(CARD, statements=(Statement("License", text),)), ALLOWED, ("en",)
    ).keep


@pytest.mark.parametrize(
    ("languages", "reason"),
    [
        (("en",), None),
        (("en-us", "en-gb"), None),
        (("en", "code"), None),
        (("code",), None),
        (("no",), Reason.LANGUAGE_NOT_ALLOWED),
        (("de", "code"), Reason.LANGUAGE_NOT_ALLOWED),
        (("en", "de"), Reason.MULTILINGUAL),
        (("multilingual", "en"), Reason.MULTILINGUAL),
        ((), None),  # the text decides
        (("unknown",), None),
    ],
)
def test_languages(languages: tuple[str, ...], reason: Reason | None) -> None:
    assert examine_card(replace(CARD, languages=languages), ALLOWED, ("en",)).reason is reason


def test_several_languages_are_kept_where_all_are_allowed() -> None:
    assert examine_card(replace(CARD, languages=("en", "de")), ALLOWED, ("en", "de")).keep


@pytest.mark.parametrize(
    ("languages", "reason"),
    [
        (("en", "de"), None),
        (("multilingual", "en"), None),
        (("fr", "de"), Reason.MULTILINGUAL),
        (("de",), Reason.LANGUAGE_NOT_ALLOWED),
    ],
)
def test_one_allowed_language_is_enough_where_several_are_welcome(
    languages: tuple[str, ...], reason: Reason | None
) -> None:
    card = replace(CARD, languages=languages)
    assert examine_card(card, ALLOWED, ("en",), multilingual=True).reason is reason


@pytest.mark.parametrize(
    ("languages", "is_open"),
    [((), True), (("und",), True), (("en", "de"), True), (("en-us",), False), (("code",), False)],
)
def test_whether_the_text_has_to_show_the_language(
    languages: tuple[str, ...], is_open: bool
) -> None:
    assert leaves_language_open(replace(CARD, languages=languages), ("en",)) is is_open


@pytest.mark.parametrize(
    ("languages", "detected", "reason"),
    [
        ((), "en", None),
        ((), "de", Reason.LANGUAGE_NOT_ALLOWED),
        ((), None, Reason.LANGUAGE_UNKNOWN),
        (("unknown",), None, Reason.LANGUAGE_UNKNOWN),
        (("en", "de"), "de", Reason.LANGUAGE_NOT_ALLOWED),
        (("en", "de"), "en", None),
        (("en", "de"), None, None),
    ],
)
def test_the_language_of_the_text(
    languages: tuple[str, ...], detected: str | None, reason: Reason | None
) -> None:
    card = replace(CARD, languages=languages)
    assert examine_language(card, detected, ("en",)).reason is reason


def test_the_licence_is_looked_at_before_the_language() -> None:
    card = replace(CARD, licences=(), languages=("no",))
    assert examine_card(card, ALLOWED, ("en",)).reason is Reason.LICENCE_MISSING


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({"a": TEXT, "b": {"dtype": "int64", "_type": "Value"}}, None),
        ({"image": TEXT, "audio": TEXT}, None),
        ({"a": TEXT, "b": TEXT, "c": {"_type": "Image"}}, Reason.MODALITY),
        ({"a": TEXT, "b": TEXT, "c": [{"_type": "Audio"}]}, Reason.MODALITY),
        ({"a": TEXT, "b": TEXT, "c": {"dtype": "binary", "_type": "Value"}}, Reason.MODALITY),
        ({"a": TEXT, "t": {"languages": ["de", "en"], "_type": "Translation"}}, Reason.TRANSLATION),
        ({"a": TEXT, "b": {"x": {"dtype": "int64", "_type": "Value"}}}, Reason.TOO_FEW_FIELDS),
        ({"a": TEXT, "b": {"x": TEXT}}, None),
        ({"a": {"x": TEXT}, "b": [TEXT]}, Reason.TOO_FEW_FIELDS),
        ({}, Reason.TOO_FEW_FIELDS),
    ],
)
def test_configs(features: dict[str, Any], reason: Reason | None) -> None:
    config = Config("owner/name", "a" * 40, "default", features, {})
    assert examine_config(config).reason is reason


def test_a_verdict_of_a_thousand_languages_is_short() -> None:
    card = replace(CARD, languages=tuple(f"x{number}" for number in range(1_000)))
    assert len(examine_card(card, ALLOWED, ("en",)).detail) < 200


def test_measurements_without_a_text_are_no_source_of_tasks() -> None:
    numbers = {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "List"}
    count = {"dtype": "int64", "_type": "Value"}
    features = {"action": numbers, "state": numbers, "frame_index": count, "episode_index": count}
    config = Config("owner/arm", "a" * 40, "default", features, {})
    assert examine_config(config).reason is Reason.TOO_FEW_FIELDS
    spoken = replace(config, features={**features, "task": TEXT})
    assert examine_config(spoken).keep


def test_a_card_that_only_says_multilingual_leaves_the_language_open() -> None:
    card = replace(CARD, languages=("multilingual",))
    assert examine_card(card, ALLOWED, ("en",)).keep
    assert leaves_language_open(card, ("en",))


def test_what_may_be_conversations_is_kept_until_its_rows_are_read() -> None:
    turns = [{"role": TEXT, "content": TEXT}]
    for features in ({"messages": turns}, {"x": [{"from": TEXT, "value": TEXT}]}, {"chat": TEXT}):
        config = Config("owner/name", "a" * 40, "default", features, {})
        assert examine_config(config).keep
        assert examine_fields(config).reason is Reason.TOO_FEW_FIELDS
