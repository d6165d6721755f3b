"""A day that is run step by step over copies of its database, while one place raises."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from demo.llm_completion import complete
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.views.ledger_report import ledger_report
from dynosaur_etl.flows.views.metric_totals import totals
from dynosaur_etl.flows.views.overview import overview
from dynosaur_etl.inference.embedding import Embedder
from dynosaur_etl.store.steps import files_of
from tests.flows import growth
from tests.flows.scripted_llm import Answer, Body, fenced
from tests.flows.support import POLL_STEPS, Servers, environment, settings

DAY = GrowthDay.parse("2026-10-05")
GOOD, BAD = "a/good", "b/bad"
CRITIC = "gpt-4o-mini"
RULES = {
    "DYNOSAUR_CRITIC_MODEL": CRITIC,
    "DYNOSAUR_VALIDITY": "paper",  # the two datasets' tasks and texts are much alike
    "DYNOSAUR_NEAR_DUPLICATES": "0",
}
STEPS: dict[str, Callable[..., StepReport]] = {
    "sync": POLL_STEPS[0],
    "candidates": POLL_STEPS[1],
    "examine": POLL_STEPS[2],
    "propose": growth.propose_all,
    "criticise": growth.criticise,
    "validate": growth.validate,
    "fill": growth.fill,
    "score": growth.score,
    "embed": growth.embed,
}
Row = tuple[Any, ...]
Wrapped = Callable[..., Any]


def answer(body: Body) -> Answer:
    """Propose by the demo's rules; as a critic, find everything valid."""
    if body["model"] == CRITIC:
        verdicts = [
            {"task": task["task"], "reason": "fine", "valid": True}
            for task in fenced(body)["tasks"]
        ]
        return {"content": json.dumps({"verdicts": verdicts})}
    return {"content": complete(body)["choices"][0]["message"]["content"]}


def poisoned(error: Exception, real: Wrapped, is_bad: Callable[..., bool]) -> Wrapped:
    """Raise the error where the arguments are bad, and do the real thing elsewhere."""

    def wrapped(*args: Any, **named: Any) -> Any:
        if is_bad(*args, **named):
            raise error.with_traceback(None)
        return real(*args, **named)

    return wrapped


def holds_bad(*args: Any, **named: Any) -> bool:
    in_bytes = any(BAD.encode() in arg for arg in args if isinstance(arg, bytes))
    return in_bytes or BAD in str((args, named))


def once() -> Callable[..., bool]:
    """Give a condition that holds the first time that it is asked."""
    numbers = count()
    return lambda *_, **__: next(numbers) == 0


@dataclass
class Outcome:
    """What some steps over a copy of the store came to."""

    services: Services
    reports: dict[str, StepReport]
    rejects: list[Row] = field(default_factory=list)

    def rows(self, query: str) -> list[Row]:
        with self.services.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def of(self, table: str, dataset: str) -> list[Row]:
        name = "dataset_id = '" + dataset + "'"
        return self.rows(f"select * from {table} where {name} order by 1, 2, 3")  # noqa: S608

    def instances(self, dataset: str) -> list[dict[str, Any]]:
        files = files_of(self.services.engine, "instances", str(DAY))
        tables = [self.services.storage.read_table(file.path).to_pylist() for file in files]
        return [row for rows in tables for row in rows if row["dataset"] == dataset]

    @property
    def met(self) -> list[Row]:
        query = "select stage, subject, reason, number, detail from rejections order by 1, 2"
        return [row for row in self.rows(query) if row[2] == "unforeseen_error"]

    def check(self, stage: str, error: Exception) -> None:
        """The reject is stored, counted and alarmed on, counts reconcile, nothing paid is lost."""
        met = [row for row in self.met if row[0] == stage]
        assert met
        assert all(type(error).__name__ in row[4] for row in met)
        assert totals(self.services)["unforeseen"] == sum(row[3] for row in self.met)
        [day] = overview(self.services).days
        assert "unforeseen errors" in day.alarm
        audit = ledger_report(self.services)
        assert audit.consistent
        assert set(audit.requests) <= {"answered"}
        for report in self.reports.values():
            counts = report.counts
            assert counts.taken == counts.kept + counts.rejected + counts.deferred, report
            assert counts.deferred == 0 or report.step == "criticise", report


@dataclass
class World:
    """The two datasets on a Hub, an LLM, and the store as it is before each step."""

    servers: Servers
    home: Path
    host: str
    embedder: Embedder
    numbers: Iterator[int] = field(default_factory=count)
    before: dict[str, str] = field(default_factory=dict)

    def copy(self, database: str) -> str:
        name = f"{database}_{next(self.numbers)}"
        with psycopg.connect(
            host=self.host, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            made = sql.SQL("create database {} template {}")
            connection.execute(made.format(sql.Identifier(name), sql.Identifier(database)))
        return name

    @contextmanager
    def services(self, database: str) -> Iterator[Services]:
        url = f"postgresql+psycopg://postgres@/{database}?host={self.host}"
        values = environment(self.servers, url, self.home, **RULES)
        with open_services(settings(values)) as services:
            services.__dict__["embedder"] = self.embedder
            yield services

    @contextmanager
    def running(self, steps: str, *poisons: tuple[Any, str, Wrapped]) -> Iterator[Outcome]:
        """Run steps over a copy of the store, with attributes replaced meanwhile."""
        names = steps.split()
        with self.services(self.copy(self.before[names[0]])) as services:
            with pytest.MonkeyPatch.context() as patched:
                for owner, name, wrapped in poisons:
                    patched.setattr(owner, name, wrapped)
                reports = {name: STEPS[name](DAY, services) for name in names}
                again = {name: STEPS[name](DAY, services) for name in names}
                stored = set(names) - {"sync", "propose", "criticise"}
                assert {n: again[n] for n in stored} == {n: reports[n] for n in stored}
            yield Outcome(services, reports)
