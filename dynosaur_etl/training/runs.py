"""A run on disk: its plan, its curve, its checkpoints, the model it made, and its manifest.

```
runs/v0007-train-smol-3f2a91c0b7de/
  plan.json        all that decides the run; its digest is in the folder's name
  curve.jsonl      one line a step
  checkpoints/     removed when the run is done
  model/           the weights, or the adapter
  manifest.json    written last: a run without it is not done
  evaluations/     one file for each set that it was evaluated on
```
The same plan has the same folder, so that the same command goes on from where it was killed.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.domain.identity import canonical_json, digest

FORMAT = 1
PLAN, CURVE, MANIFEST, MODEL = "plan.json", "curve.jsonl", "manifest.json", "model"
CHECKPOINTS, EVALUATIONS = "checkpoints", "evaluations"
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "dynosaur-etl")


@dataclass(frozen=True)
class TrainingPlan:
    """All that decides a run; the same plan gives the same losses on the same kind of machine.

    Attributes:
        set_name: of the version, file or folder.
        set_digest: SHA-256 of what is trained on.
        examples: that it has.
        model: id or name.
        model_digest: SHA-256 of the model's files.
        revision: of a model of the Hub, else empty.
        objective: `sft`, or `dpo` on preferences.
        preset: see `presets.Preset`.
        base_run: the run whose model it starts from, else empty.
        packages: versions that the losses depend on.
    """

    set_name: str
    set_digest: str
    examples: int
    model: str
    model_digest: str
    revision: str
    objective: str
    preset: Mapping[str, Any]
    seed: int
    base_run: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def run_name(self) -> str:
        """Name of the run's folder."""
        words = f"{self.set_name}-{self.preset['name']}".replace(" ", "-")
        safe = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in words)
        return f"{safe[:60]}-{digest('run', asdict(self))[:12]}"


@dataclass(frozen=True)
class RunManifest:
    """What became of a run.

    Attributes:
        figures: numbers such as steps, tokens, the first and the last loss.
        hours: of the processes that worked on it.
        device: on which it ran, in words.
    """

    plan: TrainingPlan
    started: str
    ended: str
    hours: float
    device: str
    figures: Mapping[str, float]


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    @classmethod
    def begin(cls, runs: Path, plan: TrainingPlan) -> "RunFolder":
        """Open the folder of a plan, and make it unless it is there."""
        folder = cls(runs / plan.run_name)
        if not (folder.path / PLAN).exists():
            folder.path.mkdir(parents=True, exist_ok=True)
            write_whole(folder.path / PLAN, canonical_json(asdict(plan)))
        return folder

    @classmethod
    def find(cls, runs: Path, name: str) -> "RunFolder":
        """Open a run by its name, or by the beginning of it where that is one run's alone.

        Raises:
            InvalidInput: there is none, or there are several.
        """
        found = [path for path in runs.glob(f"{_plain(name)}*") if (path / PLAN).is_file()]
        exact = [path for path in found if path.name == name] or found
        if len(exact) != 1:
            names = sorted(path.name for path in exact) or run_names(runs) or "no run yet"
            raise InvalidInput(not_allowed("run", name, names))
        return cls(exact[0])

    @property
    def model(self) -> Path:
        return self.path / MODEL

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    @property
    def is_done(self) -> bool:
        return (self.path / MANIFEST).is_file()

    @property
    def plan(self) -> TrainingPlan:
        """What decides the run.

        Raises:
            Corrupt: the file is not what was written.
        """
        try:
            return TrainingPlan(**json.loads((self.path / PLAN).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise Corrupt(f"{self.path / PLAN}: {error}") from error

    @property
    def manifest(self) -> RunManifest:
        """What became of the run.

        Raises:
            InvalidInput: the run is not done.
            Corrupt: the file is not what was written.
        """
        if not self.is_done:
            raise InvalidInput(not_allowed("run", f"{self.name}, not done", "a run that is done"))
        try:
            found = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
            return RunManifest(**{**found, "plan": TrainingPlan(**found["plan"])})
        except (ValueError, TypeError, KeyError) as error:
            raise Corrupt(f"{self.path / MANIFEST}: {error}") from error

    def finish(self, manifest: RunManifest) -> None:
        """Write the manifest: the run is done."""
        write_whole(self.path / MANIFEST, canonical_json(asdict(manifest)))

    def keep_curve(self, points: Iterable[Mapping[str, Any]]) -> None:
        """Put a curve in place of what there is of it."""
        lines = "".join(f"{canonical_json(point)}\n" for point in points)
        write_whole(self.path / CURVE, lines)

    def add_point(self, point: Mapping[str, Any]) -> None:
        """Add a step to the curve."""
        with (self.path / CURVE).open("a", encoding="utf-8") as file:
            file.write(f"{canonical_json(point)}\n")

    def curve(self) -> list[dict[str, Any]]:
        """Return the steps so far; a line that was cut by a kill counts as not written."""
        path = self.path / CURVE
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return list(_whole_lines(lines))

    def write_evaluation(self, name: str, content: Mapping[str, Any]) -> Path:
        """Keep an evaluation by its name."""
        path = self.path / EVALUATIONS / f"{_plain(name)}.json"
        path.parent.mkdir(exist_ok=True)
        write_whole(path, canonical_json(content))
        return path

    def evaluations(self) -> dict[str, dict[str, Any]]:
        """Return every evaluation by its name."""
        files = sorted((self.path / EVALUATIONS).glob("*.json"))
        return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def list_runs(runs: Path) -> list[RunFolder]:
    """Return every run, the newest plan first."""
    found = [path for path in runs.glob("*") if (path / PLAN).is_file()]
    newest = sorted(found, key=lambda path: (-(path / PLAN).stat().st_mtime, path.name))
    return [RunFolder(path) for path in newest]


def run_names(runs: Path) -> list[str]:
    return [run.name for run in list_runs(runs)]


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of the packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_whole(path: Path, text: str) -> None:
    """Put a file in place whole, so that a kill leaves the old one or the new one."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def moment(value: datetime) -> str:
    return value.isoformat(timespec="seconds")


def _whole_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return


def _plain(name: str) -> str:
    """Refuse a name that leads elsewhere, or that stands for several.

    Raises:
        InvalidInput: it holds more than letters, digits, dots, dashes and underscores.
    """
    if not name or name.startswith(".") or not all(c.isalnum() or c in "._-" for c in name):
        raise InvalidInput(not_allowed("name", name, "letters, digits, dots, dashes, underscores"))
    return name
