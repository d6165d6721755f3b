"""Two grown days without a version, and the way to make one, for the tests about versions."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.runtime.services import Services
from tests.flows.support import settings

DAYS = ("2026-10-05", "2026-10-06")
NAMES = ("lake", "hill", "mill", "pier", "moor", "cove")
MONDAY = date(2026, 10, 12)
TRAIN = "data/train-00000-of-00001.parquet"


def diary(name: str) -> pa.Table:
    moods = ("calm", "cross", "glad")
    texts = [f"Day {n} at the {name}: {n % 7} boats, and rain till {n % 11}." for n in range(24)]
    return pa.table({"entry": texts, "mood": [moods[n % 3] for n in range(24)]})


@dataclass
class Grown:
    """Two grown days without a version; each test has its own copy."""

    values: dict[str, str]
    home: Path
    opened: list[Services] = field(default_factory=list)

    def services(self, **values: str) -> Services:
        named = {f"DYNOSAUR_{name.upper()}": value for name, value in values.items()}
        self.opened.append(Services(settings(self.values | named)))
        return self.opened[-1]

    def of(self, version: int, name: str) -> Path:
        return self.home / "store" / "snapshots" / f"v{version:04d}" / name

    def table(self, version: int, name: str) -> pa.Table:
        return pq.read_table(self.of(version, name), partitioning=None)


def build(services: Services, day: str = DAYS[-1], **options: Any) -> dict[str, Any]:
    report = training_set.build_snapshot(GrowthDay.parse(day), services, **options)
    training_set.verify_snapshot(report.facts["version"], services)
    return dict(report.facts)
