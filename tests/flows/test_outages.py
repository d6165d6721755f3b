"""A Hub that fails in the middle of a day: what was done stays, and the next run does the rest."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import HubUnavailable, Transient
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Card, StepReport
from dynosaur_etl.flows.poll import candidates as poll
from dynosaur_etl.flows.poll import examine
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.net import hub_session, limiter
from tests.flows.support import Servers, environment, settings
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json, faulty_hub, listed

DAY = GrowthDay.parse("2023-03-03")
NAMES = [f"o/set-{number:02d}" for number in range(30)]
CARD = b"---\nlicense: mit\nlanguage: en\n---\n# Notes\n"
ROWS = b"note,mood\n" + b"A note of some words,calm\n" * 9
FILES = [{"type": "file", "path": "train.csv", "size": len(ROWS), "oid": SHA}]


def card_path(name: str) -> str:
    return f"/datasets/{name}/resolve/{SHA}/README.md"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyHub]:
    """Thirty sound datasets of one day."""
    monkeypatch.setattr(hub_session, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("NO_PROXY", "*")
    with faulty_hub() as running:
        day = f"{DAY}T12:00:00Z"
        entries = [listed(name, day, createdAt=day) for name in NAMES]
        running.answers["/api/datasets"] = [Answer(body=as_json(entries))]
        running.files.update({"README.md": CARD, "train.csv": ROWS})
        for name in NAMES:
            running.answers[f"/api/datasets/{name}/tree/{SHA}"] = [Answer(body=as_json(FILES))]
        yield running


@pytest.fixture
def services(hub: FaultyHub, database_url: str, tmp_path: Path) -> Iterator[Services]:
    servers = Servers(hub.endpoint, hub.endpoint, tmp_path / "h", tmp_path / "l")
    values = environment(servers, database_url, tmp_path, DYNOSAUR_HUB_CONCURRENCY="1")
    with open_services(settings(values)) as opened:
        poll.sync_catalogue(DAY, opened)
        poll.find_candidates(DAY, opened)
        yield opened


def rows(services: Services, query: str) -> list[tuple[Any, ...]]:
    with services.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def counts(report: StepReport) -> tuple[int, int, int, int]:
    told = report.counts
    return told.taken, told.kept, told.rejected, told.deferred


def test_the_breaker_ends_the_step_with_what_was_done_committed(
    hub: FaultyHub, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker, _ = limiter.limits_of(hub.endpoint, "resolve")
    monkeypatch.setattr(breaker, "_most_failures", 2)
    for name in NAMES[4:]:
        hub.answers[card_path(name)] = [Answer(503, b"x")]
    hub.asked.clear()
    with pytest.raises(HubUnavailable, match="4 are examined and kept") as outage:
        poll.examine_candidates(DAY, services)
    assert isinstance(outage.value, Transient)
    failed = [path for path in hub.paths() if path in map(card_path, NAMES[4:])]
    most = 2 + 1  # the other thread may be on its way when the second is given up
    assert len(failed) <= most * hub_session.ATTEMPTS, "the server was to be left alone then"
    assert len(rows(services, "select * from checkpoints where step = 'examine'")) == 4
    assert rows(services, "select * from verdicts") == []

    for name in NAMES[4:]:
        del hub.answers[card_path(name)]
    breaker.succeeded()  # the cool-down of a minute is over
    hub.asked.clear()
    assert counts(poll.examine_candidates(DAY, services)) == (30, 30, 0, 0)
    asked = hub.paths()
    assert not any(name in path for name in NAMES[:4] for path in asked), "what was done is done"
    assert all(card_path(name) in asked for name in NAMES[4:])


def test_a_dataset_that_breaks_a_parser_is_rejected_alone(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def parse(data: bytes) -> Card:
        if next(cards) == 4:
            raise RecursionError("too deep")
        return parse_card(data)

    cards = count()
    with monkeypatch.context() as broken:
        broken.setattr(examine, "parse_card", parse)
        assert counts(poll.examine_candidates(DAY, services)) == (30, 29, 1, 0)
    assert "too deep" in caplog.text
    [told] = rows(services, "select reason, detail from verdicts where reason is not null")
    assert told[0] == "unforeseen_error"
    assert "RecursionError: too deep" in told[1]


def test_what_goes_wrong_with_one_dataset_is_its_own_affair(
    hub: FaultyHub, services: Services
) -> None:
    gone, gated, stale, private = NAMES[:4]
    hub.answers[card_path(gone)] = [Answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})]
    hub.answers[card_path(gated)] = [Answer(403, b"{}", {"X-Error-Code": "GatedRepo"})]
    hub.answers[card_path(stale)] = [Answer(body=CARD, headers={"X-Repo-Commit": "b" * 40})]
    hub.answers[card_path(private)] = [Answer(401, b"{}")]
    assert counts(poll.examine_candidates(DAY, services)) == (30, 26, 3, 1)
    refused = rows(services, "select dataset_id, reason from verdicts where reason is not null")
    assert dict(refused) == {gone: "gone", gated: "gated", private: "private"}

    del hub.answers[card_path(stale)]
    hub.asked.clear()
    assert counts(poll.examine_candidates(DAY, services)) == (30, 27, 3, 0)
    assert {path.split("/resolve/")[0] for path in hub.paths() if "/resolve/" in path} == {
        f"/datasets/{stale}"
    }
