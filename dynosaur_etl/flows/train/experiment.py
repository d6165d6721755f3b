"""Experiments by name: what they need is read, what they will take is told, and what they gave."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.flows.runtime.services import Progress, silent
from dynosaur_etl.flows.train.places import evaluation_set, named_model, places, set_folder
from dynosaur_etl.flows.train.vectors import embed_texts, vectors_of
from dynosaur_etl.flows.train.workers import solved_in_processes
from dynosaur_etl.inference.batches import cpu_count
from dynosaur_etl.inference.extra import require_train
from dynosaur_etl.settings import Settings
from dynosaur_etl.training.experiments.learner import SmallLearner
from dynosaur_etl.training.experiments.methods import SelectionPool, read_choice
from dynosaur_etl.training.experiments.overlap import without_overlap
from dynosaur_etl.training.experiments.proxy import ProxyExperiment
from dynosaur_etl.training.experiments.replay import STRATEGIES, ReplayExperiment
from dynosaur_etl.training.experiments.reports import (
    Written,
    report_proxy,
    report_replay,
    report_representativeness,
    report_selection,
)
from dynosaur_etl.training.experiments.representativeness import RepresentativenessExperiment
from dynosaur_etl.training.experiments.running import (
    Cost,
    Experiment,
    Notebook,
    Record,
    Watch,
    run_experiment,
)
from dynosaur_etl.training.experiments.selection import (
    SMOL_METHODS,
    Evaluation,
    SelectionExperiment,
)
from dynosaur_etl.training.experiments.views import quality_views, similarity_views
from dynosaur_etl.training.presets import SMOL
from dynosaur_etl.training.sets import ExampleSet, is_version, read_set

PROXY, SMOL_LEARNER = "proxy", "smol"
LEARNERS = (PROXY, SMOL_LEARNER)
SEEDS = 10
METHODS_OF: Mapping[str, tuple[str, ...]] = {
    "selection": SMOL_METHODS,
    "alpha": ("random", *(f"qdit-{a}" for a in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0))),
    "size": tuple(f"{m}@{k}" for k in (50, 100, 200, 400) for m in ("random", "qdit-0.7")),
    "similarity": (
        "random", "coverage", "coverage/instruction", "coverage/output", "coverage/format",
        "coverage/task",
    ),
    "judge": ("random", "quality", "quality/ifd", "quality/loss", "quality/length"),
    "base": ("random", "longest", "quality", "qdit-0.7"),
}  # fmt: skip
"""The methods of each experiment on selection, by `training.experiments.methods.read_choice`."""

NATURAL_INSTRUCTIONS = "packaged:natural-instructions"
SMOLLM2 = "packaged:smollm2-135m-instruct"
GEMMA = "packaged:gemma-3-270m"


@dataclass(frozen=True)
class Trial:
    """What a user asks to find out.

    Attributes:
        pool: a version with its pool (`DYNOSAUR_SNAPSHOT_FULL`), or a folder or file.
        learner: `proxy`, or `smol`: the top layers of a small model.
        models: of the learner; `base` tries each, the others take the first.
        on: evaluation set.
        seeds: how many; 0 for the experiment's own number.
        k: rows that a method picks; 0 for the experiment's own number.
        workers: processes that share the cells, each on one thread: several threads for so small
            a model mostly wait for one another.
    """

    name: str
    pool: str
    learner: str = SMOL_LEARNER
    models: tuple[str, ...] = (SMOLLM2,)
    on: str = NATURAL_INSTRUCTIONS
    seeds: int = 0
    k: int = 0
    methods: tuple[str, ...] = ()
    workers: int = 1


@dataclass(frozen=True)
class Outcome:
    """Where the report of an experiment is, and what it says in a few words."""

    folder: Path
    report: Path
    cells: int
    words: tuple[str, ...]


Make = Callable[[Trial, Settings, Progress], Experiment]


def read_trial(
    name: str,
    pool: str,
    learner: str = "",
    models: str = "",
    on: str = "",
    seeds: int = 0,
    k: int = 0,
    methods: str = "",
    workers: int = 0,
) -> Trial:
    """Read what a user asks for; what is empty is the experiment's own choice.

    Raises:
        InvalidInput: experiment, learner or a method is unknown, or no pool is named.
    """
    kind = find(name)
    if not pool:
        raise InvalidInput(not_allowed("pool", pool, "a version, or a folder or file"))
    chosen = learner or kind.learner
    if chosen not in LEARNERS:
        raise InvalidInput(not_allowed("learner", chosen, LEARNERS))
    named = tuple(part.strip() for part in methods.split(",") if part.strip())
    if named and name != "replay":
        for method in named:
            read_choice(method)
    tried = tuple(part.strip() for part in models.split(",") if part.strip()) or kind.models
    number = workers or (1 if chosen == PROXY else cpu_count())
    on = on or NATURAL_INSTRUCTIONS
    return Trial(name, pool, chosen, tried, on, seeds, k, named, number)


def read_pool(trial: Trial, settings: Settings) -> tuple[ExampleSet, ExampleSet, Mapping[str, Any]]:
    """Read pool and evaluation set, without what the pool shares with it.

    Returns:
        Both, and what they are: JSON-able, with the numbers of rows, tasks and sources.

    Raises:
        InvalidInput: one of them cannot be read, or nothing of the pool is left.
    """
    folder = set_folder(trial.pool, settings)
    part = "full" if is_version(folder) and any(folder.glob("full/train-*")) else "train"
    whole = read_set(folder, part)
    fixed = evaluation_set(trial.on, settings, folder, per_task=4)
    kept, dropped = without_overlap(whole.examples, fixed.examples)
    if not kept:
        raise InvalidInput(not_allowed("pool", "only rows of the evaluation set", "other rows"))
    pool = ExampleSet(whole.name, digest("pool", whole.digest, fixed.digest), tuple(kept))
    facts = {
        "pool": whole.name,
        "pool_digest": whole.digest,
        "rows": len(pool),
        "tasks": len(pool.tasks),
        "sources": len(pool.sources),
        "rows_shared_with_evaluation": dropped,
        "evaluation": fixed.name,
        "evaluation_digest": fixed.digest,
        "answers": len(fixed),
    }
    return pool, fixed, facts


def selection_pool(
    pool: ExampleSet, lengths: Sequence[int], settings: Settings, progress: Progress = silent
) -> SelectionPool:
    """Return what methods choose from: vectors of the prompts, qualities, tokens."""
    vectors = embed_texts([example.prompt for example in pool.examples], settings, progress)
    quality = [0.5 if one.quality is None else one.quality for one in pool.examples]
    return SelectionPool(
        pool.examples, vectors, np.array(quality, np.float64), np.array(lengths, np.int64)
    )


def make_selection(trial: Trial, settings: Settings, progress: Progress = silent) -> Experiment:
    """Make an experiment on methods of selection, by the proxy or by a small model."""
    pool, fixed, facts = read_pool(trial, settings)
    facts = {**facts, "embedding": settings.embedding_model}
    numbers = _numbers(trial)
    if trial.learner == PROXY:
        words = [len(f"{one.prompt} {one.answer}".split()) for one in pool.examples]
        return ProxyExperiment(selection_pool(pool, words, settings, progress), facts, **numbers)
    learner = small_learner(trial, settings)
    known = learner.know(pool.examples, progress)
    chosen = selection_pool(pool, [len(text) for text in known.texts], settings, progress)
    views = {"": chosen, **_views(trial.name, chosen, learner, settings)}
    numbers = {"methods": METHODS_OF[trial.name], **numbers}
    evaluation = _evaluation(trial, fixed, settings)
    return SelectionExperiment(trial.name, views, evaluation, learner, facts, **numbers)


def make_replay(trial: Trial, settings: Settings, progress: Progress = silent) -> Experiment:
    """Make the experiment `replay`."""
    pool, _, facts = read_pool(trial, settings)
    test = evaluation_set(trial.on, settings, None, per_task=2)
    learner = small_learner(trial, settings)
    learner.know(pool.examples, progress)
    facts = {**facts, "embedding": settings.embedding_model, "answers": len(test)}
    vectors = vectors_of(pool.examples, settings)
    return ReplayExperiment(
        pool.examples, vectors, test.examples, learner, facts,
        strategies=trial.methods or STRATEGIES, seeds=trial.seeds or SEEDS,
    )  # fmt: skip


def make_representativeness(
    trial: Trial, settings: Settings, progress: Progress = silent
) -> Experiment:
    """Make the experiment `representativeness`; a small model tells how hard the picks are."""
    pool, _, facts = read_pool(trial, settings)
    numbers = _numbers(trial)
    if trial.learner == PROXY:
        words = [len(f"{one.prompt} {one.answer}".split()) for one in pool.examples]
        chosen = selection_pool(pool, words, settings, progress)
        return RepresentativenessExperiment(chosen, None, facts, **numbers)
    learner = small_learner(trial, settings)
    known = learner.know(pool.examples, progress)
    chosen = selection_pool(pool, [len(text) for text in known.texts], settings, progress)
    hard = np.array([loss.per_token for loss in learner.score(known)], np.float64)
    facts = {**facts, "model": learner.model.digest, "embedding": settings.embedding_model}
    return RepresentativenessExperiment(chosen, hard, facts, **numbers)


def _evaluation(trial: Trial, fixed: ExampleSet, settings: Settings) -> Evaluation:
    """Give the evaluation, and other examples of its tasks for the control."""
    control = evaluation_set(trial.on, settings, None, per_task=12)
    known = {example.prompt for example in fixed.examples}
    others = tuple(one for one in control.examples if one.prompt not in known)
    return Evaluation(fixed.name, fixed.examples, others)


def _views(
    name: str, pool: SelectionPool, learner: SmallLearner, settings: Settings
) -> dict[str, SelectionPool]:
    """Give the pool as an experiment looks at it beside the usual way."""
    if name == "similarity":
        return dict(similarity_views(pool, lambda texts: embed_texts(texts, settings)))
    if name == "judge":
        return dict(quality_views(pool, learner))
    return {}


def small_learner(trial: Trial, settings: Settings) -> SmallLearner:
    """Load the model that learns.

    Raises:
        MissingExtra: the extra is not installed.
        InvalidInput: the model has not been fetched, or cannot be cut.
    """
    require_train("trl", "gguf")
    model = named_model(trial.models[0], settings)
    return SmallLearner(model, SMOL, places(settings).cache)


def _numbers(trial: Trial) -> dict[str, Any]:
    """Give what the user has set of an experiment's own numbers."""
    numbers: dict[str, Any] = {"seeds": trial.seeds, "k": trial.k, "methods": trial.methods}
    return {name: value for name, value in numbers.items() if value}


def costs(trial: Trial, settings: Settings, progress: Progress = silent) -> dict[str, Any]:
    """Return what is left of an experiment to do, in hours and dollars; nothing is trained.

    Raises:
        InvalidInput: what it needs is not there.
    """
    found = [_cost(one, settings, progress) for one in _each(trial)]
    hours = [cost.hours or 0.0 for cost in found]
    return {
        "experiment": trial.name,
        "cells": sum(cost.cells for cost in found),
        "hours": round(sum(hours), 2),
        "dollars": str(sum(cost.dollars for cost in found)),
        "at": found[0].words,
    }


def run(
    trial: Trial, settings: Settings, watch: Watch = lambda _: None, progress: Progress = silent
) -> dict[str, Any]:
    """Run what is left of an experiment, and write its report; of several models one each.

    Returns:
        The reports, the number of cells, and what they say in a few words.

    Raises:
        InvalidInput: what it needs is not there.
    """
    outcomes = [_run(one, settings, watch, progress) for one in _each(trial)]
    words = [
        f"{one.models[0]}: {line}" if len(trial.models) > 1 else line
        for one, outcome in zip(_each(trial), outcomes, strict=True)
        for line in outcome.words
    ]
    return {
        "experiment": trial.name,
        "cells": sum(outcome.cells for outcome in outcomes),
        "report": "\n".join(str(outcome.report) for outcome in outcomes),
        "words": words,
    }


def _each(trial: Trial) -> list[Trial]:
    """Give a trial for each model that is tried."""
    models = trial.models if find(trial.name).tries_models else trial.models[:1]
    return [replace(trial, models=(model,)) for model in models]


def _cost(trial: Trial, settings: Settings, progress: Progress) -> Cost:
    found = find(trial.name).make(trial, settings, progress)
    notebook = Notebook.open(places(settings).experiments, found)
    return found.estimate(notebook.missing(found.cells()))


def _run(trial: Trial, settings: Settings, watch: Watch, progress: Progress) -> Outcome:
    kind = find(trial.name)
    experiment = kind.make(trial, settings, progress)
    notebook = Notebook.open(places(settings).experiments, experiment)
    anew = partial(kind.make, trial, settings)
    solve = None if trial.workers == 1 else partial(solved_in_processes, anew, trial.workers)
    records = run_experiment(experiment, notebook, watch, solve)
    facts = {**experiment.facts, "experiment": kind.what}
    written = kind.report(notebook.folder, records, facts)
    return Outcome(notebook.folder, written.path, len(records), written.words)


@dataclass(frozen=True)
class Kind:
    """An experiment by its name.

    Attributes:
        what: it asks, in words.
        make: makes it of what a user asks for.
        report: writes its report.
        learner: that it takes unless a user names another.
        models: the same of the models of the learner.
    """

    what: str
    make: Make
    report: Callable[[Path, Sequence[Record], Mapping[str, Any]], Written]
    learner: str = SMOL_LEARNER
    models: tuple[str, ...] = (SMOLLM2,)

    @property
    def tries_models(self) -> bool:
        """Whether it is run once for each model."""
        return len(self.models) > 1


def _selection_report(folder: Path, records: Sequence[Record], facts: Mapping[str, Any]) -> Written:
    report = report_selection if "preset" in facts else report_proxy
    return report(folder, records, facts)


EXPERIMENTS: Mapping[str, Kind] = {
    "selection": Kind(
        "QDIT against quality, coverage, length and chance", make_selection, _selection_report,
        learner=PROXY,
    ),
    "alpha": Kind("the weight of quality, swept", make_selection, _selection_report),
    "size": Kind("rows that are selected", make_selection, _selection_report),
    "similarity": Kind("what likeness is measured on", make_selection, _selection_report),
    "judge": Kind("who says what quality is", make_selection, _selection_report),
    "base": Kind(
        "the same with several base models", make_selection, _selection_report,
        models=(SMOLLM2, GEMMA),
    ),
    "replay": Kind("earlier tasks that are worth replaying", make_replay, report_replay),
    "representativeness": Kind(
        "what the picks are like", make_representativeness, report_representativeness,
        learner=PROXY,
    ),
}  # fmt: skip


def find(name: str) -> Kind:
    """Return an experiment by its name.

    Raises:
        InvalidInput: there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise InvalidInput(not_allowed("experiment", name, EXPERIMENTS.keys()))
    return EXPERIMENTS[name]
