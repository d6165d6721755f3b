"""Keep learning as the set grows: a stage for each part of the growth days, with replay.

Each stage is a run that starts from the one before it, trained on the tasks that its days brought
and on earlier ones by a replay strategy. A stage that is done is not trained again: when a version
has grown by days, the command trains what they brought.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.flows.train.evaluate import LONGEST
from dynosaur_etl.flows.train.fine_tune import Request, remember_paths
from dynosaur_etl.flows.train.places import (
    evaluation_set,
    named_model,
    places,
    set_folder,
    training_set,
)
from dynosaur_etl.flows.train.vectors import vectors_of
from dynosaur_etl.settings import Settings
from dynosaur_etl.training.continual import (
    ContinualStage,
    StageFigures,
    forgetting,
    replayed_tasks,
    stage_examples,
    stage_of,
    transfer,
)
from dynosaur_etl.training.evaluation import NATS, evaluate_losses, mean_of
from dynosaur_etl.training.loading import find_model, load_to_ask
from dynosaur_etl.training.presets import find_preset
from dynosaur_etl.training.runs import RunFolder
from dynosaur_etl.training.session import Job, Watch, run_job
from dynosaur_etl.training.sets import Example, ExampleSet

STAGE_FIGURES = "stages"


@dataclass(frozen=True)
class Learning:
    """What is learnt, and how.

    Attributes:
        request: set, model and preset.
        replay: strategy, see `training.continual`.
        replayed: most earlier tasks that a stage trains on again.
        days: growth days of a stage.
        kept_back: examples of a task that its stage is evaluated on.
        on: test set, evaluated on after each stage.
    """

    request: Request
    replay: str = "instruction-diverse"
    replayed: int = 20
    days: int = 1
    kept_back: int = 2
    on: str = "held-out"


def learn(learning: Learning, settings: Settings, watch: Watch = lambda _: None) -> dict[str, Any]:
    """Train every stage that is not done, and report as in Table 4 of Dynosaur (arXiv 2305.14327).

    Returns:
        For each stage its run, tasks and figures in nats a token: on the test set, on what is kept
        back of this stage and of each earlier one; and what all come to.

    Raises:
        MissingExtra: the extra is not installed.
        InvalidInput: a choice is not allowed, or the set has fewer than two stages.
    """
    folder = set_folder(learning.request.target, settings)
    whole = training_set(folder)
    stages = cut_stages(whole.examples, learning.days, learning.kept_back, settings.seed)
    test = evaluation_set(learning.on, settings, folder, per_task=2)
    vectors = vectors_of(whole.examples, settings)
    model = named_model(learning.request.model, settings, learning.request.revision)
    before = _nats(model.path, test.examples)
    runs: list[RunFolder] = []
    figures: list[StageFigures] = []
    told: list[dict[str, Any]] = []
    for number, stage in enumerate(stages):
        earlier = [task for one in stages[:number] for task in one.tasks]
        chosen = replayed_tasks(
            learning.replay, earlier, stage.tasks, vectors, learning.replayed, settings.seed
        )
        examples = _stage_set(whole, stages, number, chosen)
        job = _job(learning, settings, examples, runs[-1] if runs else None)
        run = run_job(job, places(settings).runs, watch)
        remember_paths(run, folder, job.model.path)
        runs.append(run)
        figures.append(_figures(run, stages[: number + 1], test))
        told.append(_line(run, stage, chosen, figures[-1]))
    return {
        "set": whole.name,
        "replay": learning.replay,
        "test": test.name,
        "before": before,
        "stages": told,
        "forgetting": forgetting(figures),
        "transfer": transfer(figures, before),
    }


def cut_stages(
    examples: Sequence[Example], days: int, kept_back: int, seed: int
) -> list[ContinualStage]:
    """Cut examples into stages by the growth day on which their task came.

    Raises:
        InvalidInput: there are fewer than two stages.
    """
    first_day: dict[str, str] = {}
    for example in examples:
        known = first_day.get(example.task, example.day)
        first_day[example.task] = min(known, example.day)
    ordered = sorted(set(first_day.values()))
    groups = [ordered[at : at + days] for at in range(0, len(ordered), days)]
    if len(groups) < 2:
        received = f"{len(ordered)} growth days, {days} a stage"
        raise InvalidInput(not_allowed("stages", received, "two stages or more"))
    stages = []
    for group in groups:
        chosen = [example for example in examples if first_day[example.task] in group]
        name = group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}"
        stages.append(stage_of(name, chosen, kept_back, seed))
    return stages


def _stage_set(
    whole: ExampleSet, stages: Sequence[ContinualStage], number: int, replayed: Sequence[str]
) -> ExampleSet:
    examples = stage_examples(stages, number, replayed)
    keys = [[example.key, example.answer] for example in examples]
    name = f"{whole.name} {stages[number].name}".replace(" train ", " ")
    return ExampleSet(name, digest("stage", keys), tuple(examples))


def _job(
    learning: Learning, settings: Settings, examples: ExampleSet, base: RunFolder | None
) -> Job:
    request = learning.request
    if base is None:
        model = named_model(request.model, settings, request.revision)
    else:
        model = replace(find_model(base.model), name=base.name)
    preset = find_preset(request.preset, sequence_to_sequence=model.is_sequence_to_sequence)
    return Job(
        model=model,
        examples=examples,
        preset=preset.changed(**request.changes),
        cache=places(settings).cache,
        seed=request.seed,
        weights=request.weights,
        base_run=base.name if base else "",
    )


def _figures(run: RunFolder, stages: Sequence[ContinualStage], test: ExampleSet) -> StageFigures:
    """Evaluate a stage's run, unless it has been."""
    wanted = digest("stages", test.digest, [[e.key for e in stage.holdout] for stage in stages])
    known = run.evaluations().get(STAGE_FIGURES)
    if known is not None and known["of"] == wanted:
        return StageFigures(known["test"], tuple(known["holdouts"]))
    loaded = load_to_ask(run.model)
    holdouts = []
    for stage in stages:
        items = evaluate_losses(loaded, stage.holdout, LONGEST)
        holdouts.append(mean_of(items) if items else float("nan"))
    found = StageFigures(
        mean_of(evaluate_losses(loaded, test.examples, LONGEST), NATS), tuple(holdouts)
    )
    content = {"of": wanted, "test": found.test, "holdouts": holdouts, "all": []}
    run.write_evaluation(STAGE_FIGURES, content)
    return found


def _nats(model: Path, examples: Sequence[Example]) -> float:
    return mean_of(evaluate_losses(load_to_ask(model), examples, LONGEST))


def _line(
    run: RunFolder, stage: ContinualStage, replayed: Sequence[str], figures: StageFigures
) -> dict[str, Any]:
    return {
        "stage": stage.name,
        "run": run.name,
        "tasks": len(stage.tasks),
        "examples": len(stage.train),
        "kept_back": len(stage.holdout),
        "replayed": list(replayed),
        "test": figures.test,
        "current": figures.current,
        "earlier": list(figures.holdouts[:-1]),
    }
