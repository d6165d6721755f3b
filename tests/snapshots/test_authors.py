"""Who wrote a version's tasks: shares, providers' terms, and versions from before it was noted."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dynosaur_etl.domain import schemas
from dynosaur_etl.snapshots.authors import models_of, provider_terms, terms_of
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.layout import FIGURES
from dynosaur_etl.snapshots.verify import verify_snapshot
from tests.snapshots.factories import Source, content, snapshot
from tests.snapshots.test_card import HOSTILE, body_of, one_line, rendered

ANN = Source("ann/news", rows=(0, 1, 2), written_on="2026-11-18")
BOB = Source("bob/weather", rows=(5,), model="model-b", provider="unlisted server")
CAT = Source("cat/tides", rows=(7,), written_on="2026-11-20")


def test_models_have_the_share_of_the_rows_that_their_tasks_gave() -> None:
    whole = content(ANN, BOB, CAT)
    first, second = models_of(whole.tasks, whole.selected)
    assert first == {
        "model": "model-a", "provider": "openai", "tasks": 2, "rows": 4, "share": 0.8,
        "first": "2026-11-18", "last": "2026-11-20",
    }  # fmt: skip
    assert (second["model"], second["rows"], second["share"]) == ("model-b", 1, 0.2)


def test_one_model_of_two_providers_is_two_lines() -> None:
    whole = content(ANN, replace(BOB, model="model-a"))
    assert [line["provider"] for line in models_of(whole.tasks, whole.selected)] == [
        "openai", "unlisted server",
    ]  # fmt: skip


def test_terms_are_stated_with_date_and_link_or_are_unknown() -> None:
    whole = content(ANN, BOB)
    stated, unknown = terms_of(models_of(whole.tasks, whole.selected))
    assert stated["provider"] == "openai"
    assert "compete with OpenAI" in stated["may_train"]
    assert (unknown["may_train"], unknown["link"]) == ("unknown", "")
    for terms in provider_terms().values():
        assert terms["link"].startswith("https://")
        assert date.fromisoformat(terms["in_force"]) <= date.fromisoformat(terms["read_on"])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_of_a_model_is_shown_as_text(tmp_path: Path, name: str) -> None:
    html = rendered(body_of(snapshot(tmp_path / "v1", replace(ANN, model=name))))
    assert not html.find("script")
    assert {image["src"] for image in html.find_all("img")} <= set(FIGURES)
    assert one_line(name) in [cell.get_text() for cell in html.find_all("td")]


def test_a_version_from_before_authors_were_noted_stays_sound_and_has_successors(
    tmp_path: Path,
) -> None:
    whole = content(ANN, BOB)
    old = replace(whole, tasks=whole.tasks.select(schemas.TASKS_WITHOUT_AUTHORS.names))
    write_snapshot(old, 1, None, tmp_path / "v1")
    assert verify_snapshot(tmp_path / "v1") == []
    assert "Who wrote the instructions" not in body_of(tmp_path / "v1")
    write_snapshot(content(ANN, BOB, CAT), 2, ParentSnapshot.read(tmp_path / "v1"), tmp_path / "v2")
    assert verify_snapshot(tmp_path / "v2") == []
    assert "Who wrote the instructions" in body_of(tmp_path / "v2")
