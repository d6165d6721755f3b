"""What a user asks an experiment to find out, and the experiment that is made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.flows.runtime.services import Progress, silent
from dynosaur_etl.flows.train.places import evaluation_set, named_model, places, set_folder
from dynosaur_etl.flows.train.vectors import embed_texts, vectors_of
from dynosaur_etl.inference.extra import require_train
from dynosaur_etl.settings import Settings
from dynosaur_etl.training.experiments.learner import SmallLearner
from dynosaur_etl.training.experiments.methods import SelectionPool
from dynosaur_etl.training.experiments.overlap import without_overlap
from dynosaur_etl.training.experiments.proxy import ProxyExperiment
from dynosaur_etl.training.experiments.replay import STRATEGIES, ReplayExperiment
from dynosaur_etl.training.experiments.representativeness import RepresentativenessExperiment
from dynosaur_etl.training.experiments.running import (
    Experiment,
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
class Inquiry:
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


def read_pool(
    inquiry: Inquiry, settings: Settings
) -> tuple[ExampleSet, ExampleSet, Mapping[str, Any]]:
    """Read pool and evaluation set, without what the pool shares with it.

    Returns:
        Both, and what they are: JSON-able, with the numbers of rows, tasks and sources.

    Raises:
        InvalidInput: one of them cannot be read, or nothing of the pool is left.
    """
    folder = set_folder(inquiry.pool, settings)
    part = "full" if is_version(folder) and any(folder.glob("full/train-*")) else "train"
    whole = read_set(folder, part)
    fixed = evaluation_set(inquiry.on, settings, folder, per_task=4)
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


def make_selection(inquiry: Inquiry, settings: Settings, progress: Progress = silent) -> Experiment:
    """Make an experiment on methods of selection, by the proxy or by a small model."""
    pool, fixed, facts = read_pool(inquiry, settings)
    facts = {**facts, "embedding": settings.embedding_model}
    numbers = _numbers(inquiry)
    if inquiry.learner == PROXY:
        words = [len(f"{one.prompt} {one.answer}".split()) for one in pool.examples]
        return ProxyExperiment(selection_pool(pool, words, settings, progress), facts, **numbers)
    learner = small_learner(inquiry, settings)
    known = learner.know(pool.examples, progress)
    chosen = selection_pool(pool, [len(text) for text in known.texts], settings, progress)
    views = {"": chosen, **_views(inquiry.name, chosen, learner, settings)}
    numbers = {"methods": METHODS_OF[inquiry.name], **numbers}
    evaluation = _evaluation(inquiry, fixed, settings)
    return SelectionExperiment(inquiry.name, views, evaluation, learner, facts, **numbers)


def make_replay(inquiry: Inquiry, settings: Settings, progress: Progress = silent) -> Experiment:
    """Make the experiment `replay`."""
    pool, _, facts = read_pool(inquiry, settings)
    test = evaluation_set(inquiry.on, settings, None, per_task=2)
    learner = small_learner(inquiry, settings)
    learner.know(pool.examples, progress)
    facts = {**facts, "embedding": settings.embedding_model, "answers": len(test)}
    vectors = vectors_of(pool.examples, settings)
    return ReplayExperiment(
        pool.examples, vectors, test.examples, learner, facts,
        strategies=inquiry.methods or STRATEGIES, seeds=inquiry.seeds or SEEDS,
    )  # fmt: skip


def make_representativeness(
    inquiry: Inquiry, settings: Settings, progress: Progress = silent
) -> Experiment:
    """Make the experiment `representativeness`; a small model tells how hard the picks are."""
    pool, _, facts = read_pool(inquiry, settings)
    numbers = _numbers(inquiry)
    if inquiry.learner == PROXY:
        words = [len(f"{one.prompt} {one.answer}".split()) for one in pool.examples]
        chosen = selection_pool(pool, words, settings, progress)
        return RepresentativenessExperiment(chosen, None, facts, **numbers)
    learner = small_learner(inquiry, settings)
    known = learner.know(pool.examples, progress)
    chosen = selection_pool(pool, [len(text) for text in known.texts], settings, progress)
    hard = np.array([loss.per_token for loss in learner.score(known)], np.float64)
    facts = {**facts, "model": learner.model.digest, "embedding": settings.embedding_model}
    return RepresentativenessExperiment(chosen, hard, facts, **numbers)


def _evaluation(inquiry: Inquiry, fixed: ExampleSet, settings: Settings) -> Evaluation:
    """Give the evaluation, and other examples of its tasks for the control."""
    control = evaluation_set(inquiry.on, settings, None, per_task=12)
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


def small_learner(inquiry: Inquiry, settings: Settings) -> SmallLearner:
    """Load the model that learns.

    Raises:
        MissingExtra: the extra is not installed.
        InvalidInput: the model has not been fetched, or cannot be cut.
    """
    require_train("trl", "gguf")
    model = named_model(inquiry.models[0], settings)
    return SmallLearner(model, SMOL, places(settings).cache)


def _numbers(inquiry: Inquiry) -> dict[str, Any]:
    """Give what the user has set of an experiment's own numbers."""
    numbers: dict[str, Any] = {"seeds": inquiry.seeds, "k": inquiry.k, "methods": inquiry.methods}
    return {name: value for name, value in numbers.items() if value}
