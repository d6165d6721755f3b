"""A store of three small days with two versions and a rollback, and a model to train."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.snapshot import heads
from dynosaur_etl.settings import Settings
from tests.flows.hubs import write_dataset
from tests.flows.support import environment, run_day, serving, settings

DAYS = ("2026-10-05", "2026-10-06", "2026-10-07")
NAMES = ("lake", "hill", "mill", "pier", "moor", "cove", "reef", "dune", "weir", "glen")


def diary(name: str) -> pa.Table:
    moods = ("calm", "cross", "glad")
    texts = [f"Day {n} at the {name}: {n % 7} boats, and rain till {n % 11}." for n in range(24)]
    return pa.table({"entry": texts, "mood": [moods[n % 3] for n in range(24)]})


@dataclass(frozen=True)
class Taught:
    """A store and a model: v0001 of two days, v0002 of three, v0003 rolled back to v0001."""

    values: dict[str, str]
    home: Path
    model: Path

    def settings(self, **values: str) -> Settings:
        named = {f"DYNOSAUR_{name.upper()}": value for name, value in values.items()}
        return settings(self.values | named)

    def version(self, number: int) -> Path:
        return self.home / "store" / "snapshots" / f"v{number:04d}"


@pytest.fixture(autouse=True, scope="session")
def extra() -> None:
    pytest.importorskip("trl", reason="the extra [train] is not installed")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def stored(
    extra: None,
    make_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Taught]:
    from tests.training.tiny import write_model

    home, url = tmp_path_factory.mktemp("taught"), make_database()
    (home / "hub").mkdir()
    for number, name in enumerate(NAMES):
        table = diary(name)
        write_dataset(home / "hub", f"reed/{name}", DAYS[number % 3], data__train_dot_parquet=table)
    with serving(home / "hub", home / "logs") as servers:
        values = environment(servers, url, home) | {
            "DYNOSAUR_HELD_OUT_SHARE": "0.2",
            "DYNOSAUR_SNAPSHOT_FULL": "true",
            "DYNOSAUR_SELECTION_SIZE": "24",
        }
        with open_services(settings(values)) as services:
            for day in DAYS:
                run_day(day, services)
            for day in DAYS[1:]:
                training_set.build_snapshot(GrowthDay.parse(day), services)
            heads.rollback(1, services)
        yield Taught(values, home, write_model(home / "model"))


@pytest.fixture
def taught(stored: Taught, tmp_path: Path) -> Taught:
    """The same with a home of the test's own; the database is read only."""
    shutil.copytree(stored.home / "store", tmp_path / "store")
    values = stored.values | {"DYNOSAUR_HOME": str(tmp_path)}
    return Taught(values, tmp_path, stored.model)


@pytest.fixture
def services(taught: Taught) -> Iterator[Services]:
    with open_services(taught.settings()) as opened:
        yield opened


def write_lines(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path
