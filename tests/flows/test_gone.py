"""Repositories whose commits the Hub does not show: a verdict each, or a day that waits."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Commit
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.poll import candidates, examine
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.overview import overview
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.store.database import upgrade
from tests.flows.hubs import CARD, add_commit, notes, write_dataset
from tests.flows.support import POLL_STEPS
from tests.flows.test_candidates import FIRST, SECOND, THIRD, poll, polling, rows
from tests.store.test_migrations import migrate_back

VERDICTS = "select day, dataset_id, reason from verdicts order by 1, 2"


def write_hub(root: Path) -> None:
    """Write two datasets of the first day that were changed on the third, and one that was not."""
    root.mkdir()
    for name in ("reed/tides", "rush/dunes"):
        write_dataset(root, name, FIRST, default__train_dot_parquet=notes())
        add_commit(root, name, THIRD, card=CARD.format(name=name) + "More.\n")
    write_dataset(root, "sand/still", FIRST, default__train_dot_parquet=notes())


def remove(root: Path, name: str) -> None:
    index = root / "index.jsonl"
    entries = map(json.loads, index.read_text().splitlines())
    index.write_text("".join(json.dumps(item) + "\n" for item in entries if item["id"] != name))


def after_the_list(services: Services, day: str) -> list[int]:
    steps = (candidates.find_candidates, examine.examine_candidates)
    return [step(GrowthDay.parse(day), services).counts.taken for step in steps]


def test_what_has_gone_after_it_was_listed_has_a_verdict_on_its_days(
    database_url: str, tmp_path: Path
) -> None:
    root = tmp_path / "hub"
    write_hub(root)
    with polling(root, database_url, tmp_path) as services:
        POLL_STEPS[0](GrowthDay.parse(FIRST), services)
    remove(root, "rush/dunes")
    with polling(root, database_url, tmp_path) as services:
        assert after_the_list(services, FIRST) == [3, 3]
        assert rows(services, VERDICTS) == [
            (FIRST, "reed/tides", None),
            (FIRST, "rush/dunes", "gone"),
            (FIRST, "sand/still", None),
        ]
        after_the_list(services, SECOND)
        after_the_list(services, THIRD)
        later = [row for row in rows(services, VERDICTS) if row[0] != FIRST]
        assert later == [(THIRD, "reed/tides", None), (THIRD, "rush/dunes", "gone")]
        assert services.hub.requests["commits"] == 2
        after_the_list(services, THIRD)
        assert services.hub.requests["commits"] == 2
        kept = [day.funnel.datasets_kept for day in overview(services).days]
        assert sum(kept) == 3
        assert overview(services).rejected["datasets"] == {"gone": 2}


def refusing(error: Exception, *names: str) -> Callable[[HubClient, str], list[Commit]]:
    real = HubClient.commits

    def commits(client: HubClient, name: str) -> list[Commit]:
        if name in names:
            raise error
        return real(client, name)

    return commits


@pytest.mark.parametrize("reason", [Reason.GONE, Reason.GATED, Reason.DISABLED])
def test_whatever_the_hub_says_of_the_commits_is_the_verdict(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    write_hub(tmp_path / "hub")
    monkeypatch.setattr(HubClient, "commits", refusing(HubRefused("no", reason), "rush/dunes"))
    with polling(tmp_path / "hub", database_url, tmp_path) as services:
        poll(services, FIRST)
        assert (FIRST, "rush/dunes", reason) in rows(services, VERDICTS)


def test_a_dataset_without_an_answer_waits_for_the_next_run(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hub(tmp_path / "hub")
    with polling(
        tmp_path / "hub", database_url, tmp_path, DYNOSAUR_MOST_DEFERRED="0.5"
    ) as services:
        with monkeypatch.context() as patched:
            patched.setattr(HubClient, "commits", refusing(HubUnavailable("?"), "rush/dunes"))
            _, found, _ = poll(services, FIRST)
            assert (found.counts.kept, found.counts.deferred) == (2, 1)
            assert [row[1] for row in rows(services, VERDICTS)] == ["reed/tides", "sand/still"]
        _, found, _ = poll(services, FIRST)
        assert (found.counts.kept, found.counts.deferred) == (3, 0)
        assert {row[2] for row in rows(services, VERDICTS)} == {None}


def test_a_hub_that_answers_about_nothing_ends_the_step(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hub(tmp_path / "hub")
    down = refusing(HubUnavailable("down"), "rush/dunes", "reed/tides")
    monkeypatch.setattr(HubClient, "commits", down)
    with polling(tmp_path / "hub", database_url, tmp_path) as services:
        with pytest.raises(HubUnavailable, match="commits of 1 of 2 datasets"):
            poll(services, FIRST)
        assert rows(services, VERDICTS) == []


def test_a_store_from_before_reasons_were_kept_goes_on(database_url: str, tmp_path: Path) -> None:
    write_hub(tmp_path / "hub")
    with polling(tmp_path / "hub", database_url, tmp_path) as services:
        first = poll(services, FIRST)
        migrate_back(services.engine, "0006")
        upgrade(services.engine)
        assert rows(services, "select distinct reading from configs") == [({},)]
        assert rows(services, "select distinct commits_refused from datasets") == [(None,)]
        assert poll(services, FIRST)[1:] == first[1:]
        poll(services, THIRD)
        assert [row[:2] for row in rows(services, VERDICTS) if row[0] == THIRD] == [
            (THIRD, "reed/tides"),
            (THIRD, "rush/dunes"),
        ]
        assert services.hub.requests["commits"] == 2
