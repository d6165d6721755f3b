"""What training on a version gave: reports that stand beside the versions, which never change.

`evaluations/v0007/report.json` is the report of a version, `evaluations/v0007/arms/` holds what
each of its models gave, so that workers on several machines fill one report.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.store.storage import Storage

PASSED, REFUSED = "passed", "refused"


@dataclass(frozen=True)
class LossChange:
    """A difference in nats a token of the answers, with its interval; below 0 is a gain.

    Attributes:
        low: None where the interval has no bound, as with one seed.
        number: of seeds, or of items where it is about one source.
    """

    mean: float
    low: float | None
    high: float | None
    number: int

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out 0."""
        if self.low is None or self.high is None:
            return False
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Gain:
    """A version against something else, trained for as many steps.

    Attributes:
        against: `v0006`, or `random at equal tokens`.
        change: over seeds.
        by_source: of the evaluation set, over its items.
    """

    against: str
    change: LossChange
    by_source: Mapping[str, LossChange] = field(default_factory=dict)


@dataclass(frozen=True)
class VersionEvaluation:
    """The report of a version.

    Attributes:
        manifest_sha256: of the version that was trained on.
        verdict: of the gate, `passed` or `refused`.
        words: why.
        facts: model, preset, evaluation set, seeds, steps: JSON-able.
    """

    version: int
    manifest_sha256: str
    verdict: str
    words: str
    gains: tuple[Gain, ...]
    facts: Mapping[str, Any]


_ADAPTER: TypeAdapter[VersionEvaluation] = TypeAdapter(VersionEvaluation)


def write_evaluation(storage: Storage, evaluation: VersionEvaluation) -> str:
    """Write the report of a version, or replace it; return its path below the storage URL."""
    path = report_path(evaluation.version)
    storage.write_bytes(path, canonical_json(asdict(evaluation)).encode())
    return path


def read_evaluation(storage: Storage, version: int) -> VersionEvaluation | None:
    """Return the report of a version; None where there is none.

    Raises:
        Corrupt: it is not what was written.
    """
    path = report_path(version)
    if not storage.exists(path):
        return None
    try:
        return _ADAPTER.validate_json(_content(storage, path))
    except ValidationError as error:
        raise Corrupt(f"{storage.url}/{path}: {error.errors()[0]['msg']}") from error


def write_arm(storage: Storage, version: int, name: str, content: Mapping[str, Any]) -> None:
    """Keep what one model of a version's report gave."""
    storage.write_bytes(_arm_path(version, name), canonical_json(content).encode())


def read_arm(storage: Storage, version: int, name: str) -> dict[str, Any] | None:
    """Return what a model gave; None where it has not been trained, or the file is not whole."""
    path = _arm_path(version, name)
    if not storage.exists(path):
        return None
    try:
        found: dict[str, Any] = json.loads(_content(storage, path))
    except ValueError:
        return None
    return found


def has_passed(storage: Storage, version: int) -> bool:
    """Return whether a version has been tried, and the gate has let it pass."""
    found = read_evaluation(storage, version)
    return found is not None and found.verdict == PASSED


def report_path(version: int) -> str:
    """Return where the report of a version stands, below the storage URL."""
    return f"evaluations/v{version:04d}/report.json"


def _arm_path(version: int, name: str) -> str:
    return f"evaluations/v{version:04d}/arms/{name}.json"


def _content(storage: Storage, path: str) -> bytes:
    with storage.open(path) as file:
        return bytes(file.read())
