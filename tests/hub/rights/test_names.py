"""Licences that a text names, and which of them hold."""

import pytest

from dynosaur_etl.hub.rights.binding import bind
from dynosaur_etl.hub.rights.names import binding, mentions_in
from dynosaur_etl.hub.rights.reading import NamedLicence


@pytest.mark.parametrize(
    ("text", "licences"),
    [
        ("CC BY-NC 4.0", ["cc-by-nc-4.0"]),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported License",
         ["cc-by-nc-sa-3.0"]),
        ("Attribution-NonCommercial 4.0 International (CC BY-NC 4.0) "
         "(https://creativecommons.org/licenses/by-nc/4.0/)", ["cc-by-nc-4.0"]),
        ("the Creative Commons Attribution-ShareAlike License (CC BY-SA 4.0)", ["cc-by-sa-4.0"]),
        ("CC 4.0 Non-Commercial", ["cc-by-nc-4.0"]),
        ("BY-NC-SA", ["cc-by-nc-sa"]),
        ("https://creativecommons.org/licenses/by-sa/3.0/", ["cc-by-sa-3.0"]),
        ("License-CC BY--NC 4.0-lightgrey.svg", ["cc-by-nc-4.0"]),
        ("GNU GPL v.3", ["gpl-3.0"]),
        ("GNU Lesser General Public License v2.1", ["lgpl-2.1"]),
        ("Affero General Public License", ["agpl"]),
        ("Open Database License (ODbL)", ["odbl"]),
        ("cc-by-sa-3.0 and gfdl-1.1", ["cc-by-sa-3.0", "gfdl"]),
        ("MIT or GPL-3.0", ["mit"]),
        ("CC BY 4.0, CC BY-NC 4.0", ["cc-by-4.0", "cc-by-nc-4.0"]),
        ("Attribution — give credit", []),
        ("ShareAlike — the same licence", ["cc-by-sa"]),
        ("cc news is by the press", []),
    ],
)  # fmt: skip
def test_names(text: str, licences: list[str]) -> None:
    lower = text.lower()
    assert [item.licence for item in binding(lower, mentions_in(lower))] == licences


@pytest.mark.parametrize(
    ("yaml", "named", "holding"),
    [
        (["cc-by-4.0"], ["cc-by-sa-4.0"], ["cc-by-sa-4.0"]),
        (["cc-by-4.0"], ["cc-by-sa"], ["cc-by-sa-4.0"]),
        (["cc-by-sa-4.0"], ["cc-by-sa"], ["cc-by-sa-4.0"]),
        (["cc-by-sa-4.0"], ["cc-by-sa-3.0"], ["cc-by-sa-4.0"]),
        (["cc-by-sa-4.0"], ["cc-by-nc-sa-4.0"], ["cc-by-nc-sa-4.0"]),
        (["mit"], ["gpl-3.0"], ["gpl-3.0"]),
        (["gpl-3.0"], ["gpl"], ["gpl-3.0"]),
        (["gpl-3.0"], ["agpl-3.0"], ["agpl-3.0"]),
        (["agpl-3.0"], ["gpl-3.0"], ["agpl-3.0"]),
        (["cc-by-sa-3.0"], ["gfdl"], ["cc-by-sa-3.0", "gfdl"]),
        (["mit", "cc-by-4.0"], ["cc-by-sa-4.0"], ["cc-by-sa-4.0"]),
        (["mit-or-gpl-3.0"], ["gpl-3.0"], ["mit-or-gpl-3.0"]),
        (["mit"], [], ["mit"]),
        (["cc0-1.0"], ["odbl", "cc-by-sa-4.0"], ["odbl", "cc-by-sa-4.0"]),
        (["cc-by-4.0"], ["cc-by-sa", "cc-by-sa-3.0"], ["cc-by-sa-4.0", "cc-by-sa-3.0"]),
    ],
)
def test_the_stricter_licence_holds(yaml: list[str], named: list[str], holding: list[str]) -> None:
    found = bind(tuple(yaml), [NamedLicence("said", licence) for licence in named])
    assert list(found.licences) == holding
    assert found.sentence == ("said" if holding != yaml else "")
