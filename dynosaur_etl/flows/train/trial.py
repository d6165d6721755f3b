"""The trial of a version: does it teach more than the last one, and more than chance?

Three sets are trained on from the same model, over several seeds: the version, the version before
it, and rows of the version's pool drawn at random with as many tokens. All take the same steps.
Each model is an arm, trained and evaluated by itself, so that several workers can share them; the
report joins what they gave. The gate refuses a version only where its loss on the fixed set has
risen by more than a margin, even at the low end of the interval over seeds: noise alone never
refuses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.version_records import origin_record
from dynosaur_etl.flows.train.evaluate import LONGEST
from dynosaur_etl.flows.train.places import evaluation_set, named_model, places, training_set
from dynosaur_etl.settings import Settings
from dynosaur_etl.snapshots.publish import open_folder
from dynosaur_etl.store.evaluations import (
    PASSED,
    REFUSED,
    Gain,
    LossChange,
    VersionEvaluation,
    read_arm,
    read_evaluation,
    write_arm,
    write_evaluation,
)
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, head_version
from dynosaur_etl.training.encoding import encode
from dynosaur_etl.training.evaluation import NATS, Item, evaluate_losses, mean_of
from dynosaur_etl.training.loading import ModelFolder, load_to_ask, padding_tokenizer
from dynosaur_etl.training.presets import TOP_LAYERS, Preset, find_preset
from dynosaur_etl.training.session import Job, run_job
from dynosaur_etl.training.sets import ExampleSet, read_set
from dynosaur_etl.training.statistics import Interval, over_items, over_seeds

VERSION, PARENT, RANDOM = "version", "parent", "random"
RANDOM_WORDS = "random at equal tokens"
PER_TASK = 4


@dataclass(frozen=True)
class Arm:
    """One model of a trial.

    Attributes:
        kind: `version`, `parent` or `random`.
    """

    kind: str
    seed: int

    @property
    def label(self) -> str:
        return f"{self.kind}, seed {self.seed}"


def plan_arms(version: int, services: Services) -> list[Arm]:
    """Return the models of a trial: none where no model is set.

    The first version has no `parent`, and one without its pool (`DYNOSAUR_SNAPSHOT_FULL`) no
    `random`.

    Raises:
        InvalidInput: there is no such version.
    """
    settings = services.settings
    if not settings.training_model:
        return []
    tried = _tried(version, services)
    kinds = [VERSION]
    if tried.record.parent is not None:
        kinds.append(PARENT)
    if any(tried.folder.glob("full/train-*")):
        kinds.append(RANDOM)
    return [Arm(kind, seed) for seed in range(settings.training_seeds) for kind in kinds]


def run_arm(version: int, services: Services, kind: str, seed: int) -> StepReport:
    """Train and evaluate one model, unless that is done.

    Raises:
        MissingExtra: the extra is not installed.
        InvalidInput: model, preset or evaluation set is not allowed.
    """
    settings = services.settings
    arm = Arm(kind, seed)
    tried = _tried(version, services)
    fixed = _fixed_set(tried, settings)
    job = _job(arm, tried, fixed, services)
    name = _arm_name(arm, job, fixed)
    found = read_arm(services.storage, tried.record.version, name)
    if found is None:
        run = run_job(job, places(settings).runs)
        items = evaluate_losses(load_to_ask(run.model), fixed.examples, LONGEST)
        told = {"run": run.name, "items": [asdict(item) for item in items]}
        found = told | {"figures": dict(run.manifest.figures), "hours": run.manifest.hours}
        write_arm(services.storage, tried.record.version, name, found)
    nats = mean_of([Item(**item) for item in found["items"]])
    facts = {"arm": arm.label, "nats": nats, "run": found["run"], "hours": found["hours"]}
    return StepReport(StepName.TRAIN, tried.record.day, Counts(1, 1, 0), facts=facts)


def report_trial(version: int, services: Services) -> StepReport:
    """Join what the arms gave into the report beside the version, with the gate's verdict.

    Raises:
        InvalidInput: an arm has not been run.
    """
    tried = _tried(version, services)
    fixed = _fixed_set(tried, services.settings)
    arms = plan_arms(version, services)
    items = {arm: _arm_items(arm, tried, fixed, services) for arm in arms}
    gains = list(_gains(items, tried.record.parent))
    verdict, words = judge_gains(gains, services.settings.training_margin)
    evaluation = VersionEvaluation(
        version=tried.record.version,
        manifest_sha256=tried.record.manifest_sha256,
        verdict=verdict,
        words=words,
        gains=tuple(gains),
        facts=_facts(services.settings, fixed, items),
    )
    path = write_evaluation(services.storage, evaluation)
    shown = {f"gain against {gain.against}": _words(gain.change) for gain in gains}
    facts = {"version": version, "path": path, "verdict": verdict, "words": words, **shown}
    return StepReport(
        StepName.EVALUATE, tried.record.day, Counts(len(arms), len(arms), 0), facts=facts
    )


def judge_gains(gains: Sequence[Gain], margin: float) -> tuple[str, str]:
    """Return the gate's verdict and why.

    Args:
        gains: of the version, in nats a token, of which the one against the version before counts.
        margin: by which the loss may rise.
    """
    last = next((gain for gain in gains if gain.against != RANDOM_WORDS), None)
    if last is None:
        return PASSED, "there is no version before it"
    low = last.change.low
    if low is not None and low > margin:
        words = f"its loss is higher than that of {last.against} by {_words(last.change)} nats"
        return REFUSED, f"{words} a token; allowed: a low end of at most {margin:g}"
    if low is None:
        return PASSED, f"one seed shows no difference to {last.against}"
    return PASSED, f"its loss against {last.against}: {_words(last.change)} nats a token"


def passes_gate(version: int, services: Services) -> bool:
    """Return whether a version has passed a gate; False where the settings ask for none.

    Raises:
        InvalidInput: the version has been refused, or has not been tried.
    """
    if not services.settings.publish_gate:
        return False
    found = read_evaluation(services.storage, origin_record(version, services).version)
    if found is None or found.verdict == REFUSED:
        words = "not tried" if found is None else found.words
        raise InvalidInput(not_allowed(f"v{version:04d} at the gate", words, "a trial that passes"))
    return True


def head_number(services: Services) -> int | None:
    """Return the number of the head; None while there is none."""
    head = head_version(services.engine)
    return None if head is None else head.version


@dataclass(frozen=True)
class _Tried:
    """The version that made the files that are trained on, and where these are."""

    record: VersionRecord
    folder: Path


def _tried(version: int, services: Services) -> _Tried:
    record = origin_record(version, services)
    return _Tried(record, open_folder(services.storage, record.path))


def _fixed_set(tried: _Tried, settings: Settings) -> ExampleSet:
    return evaluation_set(settings.training_evaluation, settings, tried.folder, PER_TASK)


def _job(arm: Arm, tried: _Tried, fixed: ExampleSet, services: Services) -> Job:
    """Return the training of an arm, on nothing of the fixed set's tasks."""
    settings = services.settings
    model = named_model(settings.training_model, settings)
    preset = find_preset(
        settings.training_preset, sequence_to_sequence=model.is_sequence_to_sequence
    )
    whole = training_set(tried.folder)
    lengths = _lengths(whole, model, preset)
    preset = preset.changed(steps=steps_of(preset, sum(lengths), len(whole)))
    examples = whole
    if arm.kind == PARENT:
        if tried.record.parent is None:
            allowed = f"version v{tried.record.version:04d} is the first"
            raise InvalidInput(not_allowed("arm", arm.kind, allowed))
        examples = training_set(_tried(tried.record.parent, services).folder)
    elif arm.kind == RANDOM:
        pool = read_set(tried.folder, "full")
        drawn = draw_tokens(_lengths(pool, model, preset), sum(lengths), arm.seed)
        examples = pool.take(drawn, f"{tried.folder.name} random")
    examples = without_tasks(examples, fixed.tasks)
    return Job(model, examples, preset, places(settings).cache, arm.seed)


def _lengths(examples: ExampleSet, model: ModelFolder, preset: Preset) -> list[int]:
    """Return the tokens of each example."""
    tokenizer = padding_tokenizer(model.path)
    return [len(text) for text in encode(tokenizer, examples.examples, preset.longest).texts]


def without_tasks(examples: ExampleSet, tasks: frozenset[str]) -> ExampleSet:
    """Return the examples of other tasks: an older version may have trained on what is held out.

    Raises:
        InvalidInput: none is left.
    """
    kept = [at for at, one in enumerate(examples.examples) if one.task not in tasks]
    if not kept:
        raise InvalidInput(not_allowed(f"rows of {examples.name}", "of the fixed set", "others"))
    return examples if len(kept) == len(examples) else examples.take(kept, examples.name)


def steps_of(preset: Preset, tokens: int, rows: int) -> int:
    """Return the steps that a preset takes over a set of so many tokens and rows."""
    if preset.steps:
        return preset.steps
    if preset.method == TOP_LAYERS:
        return max(1, round(preset.epochs * tokens / preset.step_tokens))
    rows = -(-tokens // preset.longest) if preset.packing else rows
    return max(1, round(preset.epochs * -(-rows // preset.batch)))


def draw_tokens(lengths: Sequence[int], tokens: int, seed: int) -> list[int]:
    """Return positions drawn at random until they hold as many tokens, within half a row."""
    order = np.random.default_rng([seed, 7]).permutation(len(lengths))
    sums = np.cumsum(np.asarray(lengths)[order])
    found: list[int] = order[: int(np.abs(sums - tokens).argmin()) + 1].tolist()
    return found


def _arm_name(arm: Arm, job: Job, fixed: ExampleSet) -> str:
    """Name an arm by all that is asked for, so that another preset is another arm.

    The packages are left out: whoever reads the arm may have others than who trained it.
    """
    plan = {**asdict(job.plan), "packages": {}}
    return f"{arm.kind}-{arm.seed}-{digest('arm', plan, fixed.digest)[:12]}"


def _arm_items(arm: Arm, tried: _Tried, fixed: ExampleSet, services: Services) -> list[Item]:
    job = _job(arm, tried, fixed, services)
    found = read_arm(services.storage, tried.record.version, _arm_name(arm, job, fixed))
    if found is None:
        raise InvalidInput(not_allowed(f"arm {arm.label}", "not trained", "all arms trained"))
    return [Item(**item) for item in found["items"]]


def _gains(items: Mapping[Arm, Sequence[Item]], parent: int | None) -> list[Gain]:
    gains = []
    names = {PARENT: f"v{parent:04d}" if parent else "", RANDOM: RANDOM_WORDS}
    for kind, against in names.items():
        seeds = sorted({arm.seed for arm in items if arm.kind == kind})
        if not seeds:
            continue
        differences = [
            mean_of(items[Arm(VERSION, seed)]) - mean_of(items[Arm(kind, seed)]) for seed in seeds
        ]
        gains.append(
            Gain(against, _change(over_seeds(differences)), _by_source(items, kind, seeds))
        )
    return gains


def _by_source(
    items: Mapping[Arm, Sequence[Item]], kind: str, seeds: Sequence[int]
) -> dict[str, LossChange]:
    """Compare item by item, each a mean over the seeds, source by source."""
    ours = np.mean([_values(items[Arm(VERSION, seed)]) for seed in seeds], axis=0)
    theirs = np.mean([_values(items[Arm(kind, seed)]) for seed in seeds], axis=0)
    listed = items[Arm(VERSION, seeds[0])]
    sources: dict[str, list[int]] = {}
    for at, item in enumerate(listed):
        sources.setdefault(item.source, []).append(at)
    return {
        source: _change(over_items((ours - theirs)[rows], [listed[at].task for at in rows]))
        for source, rows in sorted(sources.items())
    }


def _values(items: Sequence[Item]) -> list[float]:
    return [item.metrics[NATS] for item in items]


def _change(interval: Interval) -> LossChange:
    low, high = (value if np.isfinite(value) else None for value in (interval.low, interval.high))
    return LossChange(interval.mean, low, high, interval.number)


def _facts(
    settings: Settings, fixed: ExampleSet, items: Mapping[Arm, Sequence[Item]]
) -> dict[str, Any]:
    nats: dict[str, list[float]] = {}
    for arm, found in items.items():
        nats.setdefault(arm.kind, []).append(mean_of(found))
    return {
        "model": settings.training_model,
        "preset": settings.training_preset,
        "evaluation": fixed.name,
        "evaluation_digest": fixed.digest,
        "examples": len(fixed),
        "seeds": settings.training_seeds,
        "margin": settings.training_margin,
        "nats": nats,
    }


def _words(change: LossChange) -> str:
    if change.low is None or change.high is None:
        return f"{change.mean:+.3f}"
    return f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
