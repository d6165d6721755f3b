"""What must be true of a shaken installation once its commands have been run to their end."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import create_engine, text

from tests.chaos.world import World
from tests.flows.support import dump_files, dump_tables

LEDGER = ("llm_attempts", "llm_budgets", "llm_requests", "llm_rate_limits")
"""Tables that also tell of what went wrong on the way."""


@dataclass(frozen=True)
class Truth:
    """What an installation that nobody disturbs holds."""

    tables: dict[str, list[str]]
    files: dict[str, str]
    public: dict[str, str]
    requests: frozenset[str]


def truth_of(world: World) -> Truth:
    """Read what an installation holds."""
    dumped = dump_tables(world.values["DYNOSAUR_DATABASE_URL"], *LEDGER)
    home = str(world.home)
    tables = {name: [row.replace(home, "") for row in rows] for name, rows in dumped.items()}
    asked = frozenset(line["request_hash"] for line in world.paid())
    return Truth(tables, dump_files(world.home), _public(world), asked)


def mismatches(world: World, truth: Truth) -> Iterator[str]:
    """Yield, in words, whatever is not as it would be without any disturbance."""
    found = truth_of(world)
    for name, rows in truth.tables.items():
        lost, more = Counter(rows), Counter(found.tables[name])
        if lost != more:
            yield f"table {name}: lost {list(lost - more)[:1]}, gained {list(more - lost)[:1]}"
    for words, ours, theirs in (
        ("store", truth.files, found.files),
        ("published", truth.public, found.public),
    ):
        wrong = sorted(dict(ours.items() ^ theirs.items()))
        if wrong:
            yield f"{words}: {len(wrong)} files differ: {wrong[:3]}"
    yield from _doctor(world)
    yield from _ledger(world, truth)


def _public(world: World) -> dict[str, str]:
    return dump_files(world.home / "public") if (world.home / "public").exists() else {}


def _doctor(world: World) -> Iterator[str]:
    command = world.start("doctor", "--deep", "--json")
    command.end()
    told = command.told()
    checks = json.loads(told[told.index("{") :])["checks"]
    for check in checks:
        if check["name"] in ("files", "orphans", "steps", "ledger", "deep") and not check["ok"]:
            yield f"doctor: {check['name']}: {check['found']}"


def _ledger(world: World, truth: Truth) -> Iterator[str]:
    """Compare the ledger with what the LLM server says it was paid for."""
    engine = create_engine(world.values["DYNOSAUR_DATABASE_URL"])
    query = "select outcome, count(*), sum(cost_usd) from llm_attempts group by outcome"
    with engine.connect() as connection:
        attempts = {row[0]: int(row[1]) for row in connection.execute(text(query))}
        open_ones = connection.execute(
            text("select count(*) from llm_requests where status <> 'answered'")
        ).scalar_one()
        query = "select scope from llm_budgets where used_usd > :cap"
        over = list(connection.execute(text(query), {"cap": world.cap}).scalars())
    engine.dispose()
    if over:
        yield f"ledger: over the cap of ${world.cap}: {over}"
    paid = world.paid()
    if not attempts.get("answered", 0) <= len(paid) <= sum(attempts.values()):
        yield f"ledger: {len(paid)} answers were paid, and it tells of {attempts}"
    if {line["request_hash"] for line in paid} != truth.requests:
        yield "ledger: other requests were paid than without a disturbance"
    if open_ones:
        yield f"ledger: {open_ones} requests have no answer"
