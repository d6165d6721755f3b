"""One spelling of each licence, whoever wrote it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.licences import (
    Condition,
    canonical_licence,
    conditions_of,
    is_known,
    split_licences,
)
from dynosaur_etl.settings import Settings
from dynosaur_etl.snapshots.licences import OBLIGATIONS, card_licence, carries

SPELLINGS = {
    "mit": "mit, MIT, MIT License, The MIT License, MIT Licence, Expat",
    "apache-2.0": "apache-2, Apache 2.0, Apache-2.0, Apache License 2.0, apache2, APACHE LICENSE "
    "VERSION 2.0",
    "cc0-1.0": "cc0, CC0 1.0 Universal, CC-0, other-cc0, Creative Commons Zero v1.0 Universal",
    "cc-by-4.0": "CC BY 4.0, cc-by-4-0, cc-by-4, CC_BY_4.0, ccby4.0, cc-by-4.0+, Creative Commons "
    "Attribution 4.0 International (CC BY 4.0)",
    "cc-by-sa-4.0": "CC BY-SA 4.0, cc-by-sa-4-0, CC-BY-SA-4.0 International, Creative Commons "
    "Attribution-ShareAlike 4.0 International Public License",
    "cc-by-sa-2.5": "cc-by-sa-2.5, CC BY-SA 2.5",
    "cc-by-nc-sa-4.0": "cc-by-nc-sa-4.0, cc-by-sa-nc-4.0, CC BY NC SA 4.0",
    "gfdl": "gfdl, gfdl-1.3-or-later, GFDL-1.1, GNU Free Documentation License v1.3",
    "gpl-3.0": "GPLv3, gpl-3.0-or-later, GPL-3.0+, gnu-gpl-v3.0, GNU GPL v.3, GNU General Public "
    "License v3.0",
    "lgpl-2.1": "GNU Lesser General Public License v2.1, lgpl-2.1-only",
    "agpl-3.0": "AGPLv3, agpl-3.0-or-later",
    "odbl": "ODbL-1.0, odbl, Open Database License (ODbL) v1.0",
    "odc-by": "ODC-By-1.0, odc-by",
    "c-uda": "other-C-UDA, C-UDA-1.0, c-uda",
    "bsd-3-clause": "BSD 3-Clause License, bsd-3, BSD-3-Clause",
    "unknown": "unknown, unkown, unk, unknown-",
    "mit-or-apache-2.0": "MIT OR Apache-2.0, mit-or-apache-2",
    "house-rules": "House  rules",
    "cc-by-4.0-at": "CC-BY-4.0-AT",
    "apache": "Apache",
    "other": "other",
    "": "",
}


@pytest.mark.parametrize(
    ("spelled", "licence"),
    [(text.strip(), name) for name, texts in SPELLINGS.items() for text in texts.split(",")],
)
def test_spellings(spelled: str, licence: str) -> None:
    assert canonical_licence(spelled) == licence


@given(st.text(st.sampled_from("cbymitnsadgplo-. 0123()ORand"), max_size=30))
def test_a_spelling_of_ours_stays(text: str) -> None:
    once = canonical_licence(text)
    assert canonical_licence(once) == once


@pytest.mark.parametrize("text", ["Apache and friends", "mit-and-house-rules", "by", "x", "(mit"])
def test_what_is_not_one_licence_is_not_known(text: str) -> None:
    assert not is_known(text)


@pytest.mark.parametrize(
    ("licence", "conditions"),
    [
        ("cc-by-4.0", set()),
        ("cc-by-sa-4.0", {Condition.SHARE_ALIKE}),
        ("cc-by-nc-sa-3.0", {Condition.SHARE_ALIKE, Condition.NON_COMMERCIAL}),
        ("cc-by-nd-4.0", {Condition.NO_DERIVATIVES}),
        ("odbl", {Condition.SHARE_ALIKE}),
        ("lgpl-3.0", {Condition.SHARE_ALIKE}),
        ("gfdl", {Condition.SHARE_ALIKE}),
        ("other-research-only", {Condition.NON_COMMERCIAL}),
        ("ncsa", set()),
        ("mit-or-gpl-3.0", {Condition.SHARE_ALIKE}),
    ],
)
def test_conditions(licence: str, conditions: set[Condition]) -> None:
    assert conditions_of(licence) == conditions


def test_the_allow_list_is_spelled_alike_whatever_the_operator_writes() -> None:
    allowed = Settings(licences="CC BY-SA 4.0, GPL-3.0-or-later, gpl-3.0, MIT License").licences
    assert allowed == ("cc-by-sa-4.0", "gpl-3.0", "mit")


def test_old_and_new_creative_commons_stand_side_by_side_in_the_defaults() -> None:
    defaults = Settings.model_fields["licences"].default
    for version in ("2.0", "2.5", "3.0", "4.0"):
        assert {f"cc-by-{version}", f"cc-by-sa-{version}"} <= set(defaults)
    assert tuple(map(canonical_licence, defaults)) == defaults


def test_a_card_sees_old_spellings_as_what_they_are() -> None:
    assert split_licences("cc-by-sa-3.0, gfdl-1.3-or-later") == ("cc-by-sa-3.0", "gfdl")
    assert card_licence(["other-c-uda", "c-uda"]) == {"license": "c-uda"}
    share_alike = next(item for item in OBLIGATIONS if item.title.startswith("Share-alike"))
    assert carries("GPL-3.0-or-later", share_alike)
    assert not carries("mit, cc-by-4.0", share_alike)
