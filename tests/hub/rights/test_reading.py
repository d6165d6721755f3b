"""What the classifiers make of wordings, of the cases and of recorded cards."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.licences import cards_of, caught, key, recorded_labels, restricted
from dynosaur_etl.domain.models import Card, Statement
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.poll.examined import Examined
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.filters import binding_of, examine_card
from dynosaur_etl.hub.rights.reading import MAX_SENTENCE, rights_of
from dynosaur_etl.hub.rights.statements import sentences_of
from dynosaur_etl.settings import Settings
from labels.licences.train import read_wordings

LICENCES = Settings.model_fields["licences"].default
CARD = Card(("cc-by-4.0",), ("en",), (), "", "", (), (), "0" * 64)


def saying(text: str, place: str = "License", licence: str = "cc-by-4.0") -> Card:
    said = tuple(Statement(place, sentence) for sentence in sentences_of(text))
    return replace(CARD, licences=(licence,), statements=said)


@pytest.mark.parametrize(
    ("name", "recall", "false"), [("held_out", 0.96, 0.06), ("seen", 0.98, 0.02)]
)
def test_wordings_that_were_not_trained_on(name: str, recall: float, false: float) -> None:
    read = [(item.label, caught(item)) for item in read_wordings(f"{name}.tsv")]
    found = [caught_it for label, caught_it in read if label == "restricts"]
    wrong = [caught_it for label, caught_it in read if label == "none"]
    assert len(found) > 50
    assert sum(found) >= recall * len(found)
    assert sum(wrong) <= false * len(wrong)


def test_wordings_that_name_a_licence() -> None:
    wordings = read_wordings("seen_names.tsv")
    right = [
        bool(rights_of(saying(item.text, item.place).statements).licences)
        is (item.label == "applies")
        for item in wordings
    ]
    assert sum(right) >= 0.95 * len(right) > 40


@pytest.mark.recording
@pytest.mark.parametrize("folder", ["c08_places", "c09_wordings"])
def test_the_cases_of_one_restriction_each(recorded_hub: Path, folder: str) -> None:
    paths = sorted((recorded_hub.parent / "cases" / folder).glob("*/README.md"))
    if not paths:
        pytest.skip("the cases are not beside the checkout")
    for path in paths:
        card = parse_card(path.read_bytes())
        verdict = examine_card(card, LICENCES, ("en",))
        assert verdict.reason is Reason.LICENCE_CONFLICT, path
        said = verdict.detail.partition("but the text says: ")[2]
        assert set(said.split()[-3:]) <= set(path.read_text().split()), said


@pytest.mark.recording
def test_the_cases_of_stricter_texts_and_old_identifiers(recorded_hub: Path) -> None:
    cases = recorded_hub.parent / "cases"
    if not cases.is_dir():
        pytest.skip("the cases are not beside the checkout")
    card = parse_card((cases / "c10_share_alike_text" / "README.md").read_bytes())
    assert examine_card(card, LICENCES, ("en",)).keep
    examined = Examined("u/x", "0" * 40)
    examined.keep_card(card)
    assert examined.card is not None
    assert examined.card["licences"] == ["cc-by-sa-4.0"]
    assert examined.card["licence_conflict"].startswith("cc-by-4.0 in the YAML, but the text says")
    old = parse_card((cases / "c11_old_identifier_in_row" / "README.md").read_bytes())
    assert old.licences == binding_of(old).licences == ("c-uda",)


@pytest.mark.recording
def test_no_recorded_card_is_dropped_that_a_reader_would_keep(recorded_hub: Path) -> None:
    labels = recorded_labels()
    missed = sentences = 0
    for name, card in cards_of(recorded_hub.parent, newest_only=True):
        told = {item: labels.get(key(name, item), "none") for item in card.statements}
        caught_here = [item for item in card.statements if restricted(card, item)]
        if caught_here:
            assert {"restricts", "either"} & set(told.values()), (name, caught_here)
        sentences += sum(label == "restricts" for label in told.values())
        missed += sum(told[item] == "restricts" and item not in caught_here for item in told)
    assert sentences > 100
    assert missed <= 0.04 * sentences


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Copyright (c) 2020, A. All rights reserved. Redistribution and use in source and binary "
         "forms, with or without modification, are permitted.", True),
        ("Copyright (c) 2020, A. All rights reserved.", False),
        ("CC BY-SA 4.0", True),
        ("Code: GPL-3.0; data: CC BY 4.0.", True),
        ("MIT or CC BY-NC 4.0, at your option.", True),
        ("CC BY-NC 4.0", False),
        ("Texts: CC BY 4.0, images: CC BY-ND 4.0", False),
    ],
)  # fmt: skip
def test_texts_beside_an_open_yaml(text: str, kept: bool) -> None:
    assert examine_card(saying(text), LICENCES, ("en",)).keep is kept


def test_what_the_yaml_restricts_itself_is_no_conflict_where_it_is_allowed() -> None:
    allowed = (*LICENCES, "cc-by-nc-4.0")
    card = saying("For non-commercial use only.", licence="cc-by-nc-4.0")
    assert examine_card(card, allowed, ("en",)).keep
    card = saying("Please do not redistribute.", licence="cc-by-nc-4.0")
    assert examine_card(card, allowed, ("en",)).reason is Reason.LICENCE_CONFLICT


def test_a_stricter_licence_of_the_text_has_to_be_allowed_too() -> None:
    card = saying("The texts are under the GPL.")
    assert examine_card(card, LICENCES, ("en",)).keep, "one of its versions is allowed"
    verdict = examine_card(card, ("cc-by-4.0",), ("en",))
    assert verdict.reason is Reason.LICENCE_CONFLICT
    assert "The texts are under the GPL." in verdict.detail


def test_the_reject_shows_the_part_of_a_long_sentence_that_decided() -> None:
    prose = "which holds letters of the nineteenth century and some of the twentieth " * 6
    text = f"The archive, {prose}, may only be used for non-commercial research, {prose}"
    verdict = examine_card(saying(text), LICENCES, ("en",))
    assert "non-commercial research" in verdict.detail
    assert len(verdict.detail) < MAX_SENTENCE + 60


@pytest.mark.parametrize(
    "text",
    [
        "Any use of the work other than as authorised under this licence is prohibited.",
        "You may not copy or distribute the work except as expressly permitted by this license.",
        "The files may be used only in accordance with the License.",
    ],
)
def test_a_licence_that_names_itself_as_the_bound_restricts_nothing(text: str) -> None:
    assert rights_of((Statement("License", text),)).restrictions == ()


@pytest.mark.parametrize(
    "text",
    [
        "No use other than research is permitted under this license.",
        "Any use other than the non-commercial one authorised under this licence is prohibited.",
        "You may not sell the data except as permitted by this license.",
    ],
)
def test_a_purpose_beside_that_bound_still_restricts(text: str) -> None:
    assert rights_of((Statement("License", text),)).restrictions
