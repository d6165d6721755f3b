"""Experiments by name: what they need is read, what they will take is told, and what they gave."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import Progress, silent
from dynosaur_etl.flows.train.inquiry import (
    GEMMA,
    LEARNERS,
    NATURAL_INSTRUCTIONS,
    PROXY,
    SMOL_LEARNER,
    SMOLLM2,
    Inquiry,
    make_replay,
    make_representativeness,
    make_selection,
)
from dynosaur_etl.flows.train.places import places
from dynosaur_etl.flows.train.workers import solved_in_processes
from dynosaur_etl.inference.batches import cpu_count
from dynosaur_etl.settings import Settings
from dynosaur_etl.training.experiments.methods import read_choice
from dynosaur_etl.training.experiments.reports import (
    Written,
    report_proxy,
    report_replay,
    report_representativeness,
    report_selection,
)
from dynosaur_etl.training.experiments.running import (
    CellRecord,
    Cost,
    Experiment,
    Notebook,
    Watch,
    run_experiment,
)


@dataclass(frozen=True)
class ExperimentOutcome:
    """Where the report of an experiment is, and what it says in a few words."""

    folder: Path
    report: Path
    cells: int
    words: tuple[str, ...]


Make = Callable[[Inquiry, Settings, Progress], Experiment]


def read_inquiry(
    name: str,
    pool: str,
    learner: str = "",
    models: str = "",
    on: str = "",
    seeds: int = 0,
    k: int = 0,
    methods: str = "",
    workers: int = 0,
) -> Inquiry:
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
    return Inquiry(name, pool, chosen, tried, on, seeds, k, named, number)


def costs(inquiry: Inquiry, settings: Settings, progress: Progress = silent) -> dict[str, Any]:
    """Return what is left of an experiment to do, in hours and dollars; nothing is trained.

    Raises:
        InvalidInput: what it needs is not there.
    """
    found = [_cost(one, settings, progress) for one in _each(inquiry)]
    hours = [cost.hours or 0.0 for cost in found]
    return {
        "experiment": inquiry.name,
        "cells": sum(cost.cells for cost in found),
        "hours": round(sum(hours), 2),
        "dollars": str(sum(cost.dollars for cost in found)),
        "at": found[0].words,
    }


def run(
    inquiry: Inquiry,
    settings: Settings,
    watch: Watch = lambda _: None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Run what is left of an experiment, and write its report; of several models one each.

    Returns:
        The reports, the number of cells, and what they say in a few words.

    Raises:
        InvalidInput: what it needs is not there.
    """
    outcomes = [_run(one, settings, watch, progress) for one in _each(inquiry)]
    words = [
        f"{one.models[0]}: {line}" if len(inquiry.models) > 1 else line
        for one, outcome in zip(_each(inquiry), outcomes, strict=True)
        for line in outcome.words
    ]
    return {
        "experiment": inquiry.name,
        "cells": sum(outcome.cells for outcome in outcomes),
        "report": "\n".join(str(outcome.report) for outcome in outcomes),
        "words": words,
    }


def _each(inquiry: Inquiry) -> list[Inquiry]:
    """Return an inquiry for each model that is tried."""
    models = inquiry.models if find(inquiry.name).tries_models else inquiry.models[:1]
    return [replace(inquiry, models=(model,)) for model in models]


def _cost(inquiry: Inquiry, settings: Settings, progress: Progress) -> Cost:
    found = find(inquiry.name).make(inquiry, settings, progress)
    notebook = Notebook.open(places(settings).experiments, found)
    return found.estimate(notebook.missing(found.cells()))


def _run(
    inquiry: Inquiry, settings: Settings, watch: Watch, progress: Progress
) -> ExperimentOutcome:
    kind = find(inquiry.name)
    experiment = kind.make(inquiry, settings, progress)
    notebook = Notebook.open(places(settings).experiments, experiment)
    anew = partial(kind.make, inquiry, settings)
    solve = None if inquiry.workers == 1 else partial(solved_in_processes, anew, inquiry.workers)
    records = run_experiment(experiment, notebook, watch, solve)
    facts = {**experiment.facts, "experiment": kind.what}
    written = kind.report(notebook.folder, records, facts)
    return ExperimentOutcome(notebook.folder, written.path, len(records), written.words)


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
    report: Callable[[Path, Sequence[CellRecord], Mapping[str, Any]], Written]
    learner: str = SMOL_LEARNER
    models: tuple[str, ...] = (SMOLLM2,)

    @property
    def tries_models(self) -> bool:
        """Whether it is run once for each model."""
        return len(self.models) > 1


def _selection_report(
    folder: Path, records: Sequence[CellRecord], facts: Mapping[str, Any]
) -> Written:
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
