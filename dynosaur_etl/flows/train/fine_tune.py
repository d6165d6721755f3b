"""Train a model on a version or a file, list the runs, and show one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.train.places import named_model, places, set_folder, training_set
from dynosaur_etl.settings import Settings
from dynosaur_etl.training.presets import Preset, find_preset
from dynosaur_etl.training.runs import RunFolder, list_runs, write_whole
from dynosaur_etl.training.session import DPO, SFT, Job, Watch, run_job
from dynosaur_etl.training.sets import ExampleSet

PREFERENCES = "preferences.parquet"
_PATHS = "paths.json"


@dataclass(frozen=True)
class Request:
    """What a user asks to train.

    Attributes:
        target: a version, or a folder or file.
        model: a run, `packaged:NAME`, a folder, or an id of the Hub.
        preset: by its name; `changes` go before its values.
        objective: `sft`, or `dpo` on the preferences of the target.
        weights: `float32` or `bfloat16`, in which weights are held.
    """

    target: str
    model: str
    preset: str = "small"
    changes: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    revision: str = ""
    objective: str = SFT
    weights: str = "float32"


@dataclass(frozen=True)
class RunLine:
    """A run in a list.

    Attributes:
        state: `done`, or how many steps are written.
    """

    name: str
    set_name: str
    model: str
    preset: str
    seed: int
    state: str
    last_loss: float | None
    hours: float | None


def make_job(request: Request, settings: Settings) -> Job:
    """Read what a run needs; nothing is trained yet.

    Raises:
        InvalidInput: set, model or a hyperparameter is not allowed.
    """
    if request.objective not in (SFT, DPO):
        raise InvalidInput(not_allowed("objective", request.objective, (SFT, DPO)))
    folder = set_folder(request.target, settings)
    model = named_model(request.model, settings, request.revision)
    preset = _preset(request, sequence_to_sequence=model.is_sequence_to_sequence)
    pairs = _preferences(folder) if request.objective == DPO else []
    return Job(
        model=model,
        examples=_preference_set(folder) if pairs else training_set(folder),
        preset=preset,
        cache=places(settings).cache,
        seed=request.seed,
        weights=request.weights,
        preferences=pairs,
    )


def train(request: Request, settings: Settings, watch: Watch = lambda _: None) -> RunFolder:
    """Train, unless the same run is done; a run that was killed goes on.

    Raises:
        MissingExtra: the extra is not installed.
        InvalidInput: set, model or a hyperparameter is not allowed.
        HubRefused, HubUnavailable: the model cannot be fetched.
    """
    job = make_job(request, settings)
    run = run_job(job, places(settings).runs, watch)
    remember_paths(run, set_folder(request.target, settings), job.model.path)
    return run


def remember_paths(run: RunFolder, examples: Path, model: Path) -> None:
    """Keep where set and model lie on this machine; they do not decide the run."""
    told = {"set": str(examples.absolute()), "model": str(model.absolute())}
    write_whole(run.path / _PATHS, json.dumps(told))


def set_of(run: RunFolder) -> Path | None:
    """Return the folder that a run was trained on; None where it is not known, or is gone."""
    try:
        folder = Path(json.loads((run.path / _PATHS).read_text(encoding="utf-8"))["set"])
    except (OSError, ValueError, KeyError):
        return None
    return folder if folder.exists() else None


def runs(settings: Settings) -> list[RunLine]:
    """Return every run, the newest first."""
    return [_line(run) for run in list_runs(places(settings).runs)]


def find_run(name: str, settings: Settings) -> RunFolder:
    """Return a run by its name or the beginning of it.

    Raises:
        InvalidInput: there is none, or there are several.
    """
    return RunFolder.find(places(settings).runs, name)


def show_run(name: str, settings: Settings) -> dict[str, Any]:
    """Return all that is known of a run: plan, manifest, curve and the sums of its evaluations."""
    run = find_run(name, settings)
    evaluations = run.evaluations().items()
    return {
        "name": run.name,
        "path": str(run.path),
        "plan": asdict(run.plan),
        "manifest": asdict(run.manifest) if run.is_done else None,
        "curve": run.curve(),
        "evaluations": {on: {"all": found["all"]} for on, found in evaluations},
    }


def _line(run: RunFolder) -> RunLine:
    plan, curve = run.plan, run.curve()
    manifest = run.manifest if run.is_done else None
    return RunLine(
        name=run.name,
        set_name=plan.set_name,
        model=plan.model,
        preset=str(plan.preset["name"]),
        seed=plan.seed,
        state="done" if manifest else f"{len(curve)} steps written",
        last_loss=float(curve[-1]["loss"]) if curve else None,
        hours=manifest.hours if manifest else None,
    )


def _preset(request: Request, *, sequence_to_sequence: bool) -> Preset:
    found = find_preset(request.preset, sequence_to_sequence=sequence_to_sequence)
    return found.changed(**request.changes)


def _preferences(folder: Path) -> Sequence[Mapping[str, Any]]:
    file = folder / PREFERENCES if folder.is_dir() else folder
    if not file.is_file() or file.suffix != ".parquet":
        allowed = f"a version with {PREFERENCES}, or a Parquet file of prompt, chosen, rejected"
        raise InvalidInput(not_allowed("preferences", str(folder), allowed))
    rows: list[Mapping[str, Any]] = pq.read_table(file).to_pylist()
    return rows


def _preference_set(folder: Path) -> ExampleSet:
    from dynosaur_etl.inference.model_files import file_digest

    file = folder / PREFERENCES if folder.is_dir() else folder
    return ExampleSet(f"{folder.stem} preferences", file_digest(file), ())
