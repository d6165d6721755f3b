"""One run from its plan to its manifest, whatever trains; killed and started again it goes on."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.inference.extra import require_train
from dynosaur_etl.inference.precision import AUTO, used_precision
from dynosaur_etl.training.encoding import Encoded, encode, encode_pairs
from dynosaur_etl.training.fine_tuning import (
    Work,
    fine_tune,
    fine_tune_pairs,
    first_process,
    prefer,
)
from dynosaur_etl.training.loading import LoadedModel, ModelFolder, load_model
from dynosaur_etl.training.presets import TOP_LAYERS, Preset
from dynosaur_etl.training.runs import (
    RunFolder,
    RunManifest,
    TrainingPlan,
    moment,
    package_versions,
)
from dynosaur_etl.training.sets import ExampleSet
from dynosaur_etl.training.split_model import SplitModel
from dynosaur_etl.training.steps import plan_steps
from dynosaur_etl.training.top_layers import Learner

SFT, DPO = "sft", "dpo"
_STATE = "state.pt"

Watch = Callable[[Mapping[str, float]], None]
"""Is called with each step: `step`, `of`, `loss`, `rate`, `tokens`."""


@dataclass(frozen=True)
class Job:
    """What a run needs beside its plan.

    Attributes:
        model: that it starts from.
        examples: that it trains on; empty for preferences.
        preferences: rows with `prompt`, `chosen`, `rejected`; empty for examples.
        preset: hyperparameters.
        seed: of the order, and of adapters.
        weights: `float32` or `bfloat16`, in which weights are held.
        cache: folder of what can be computed again.
        base_run: the run whose model it starts from, else empty.
    """

    model: ModelFolder
    examples: ExampleSet
    preset: Preset
    cache: Path
    seed: int = 0
    weights: str = "float32"
    base_run: str = ""
    preferences: Sequence[Mapping[str, Any]] = ()

    @property
    def plan(self) -> TrainingPlan:
        """All that decides the run."""
        return TrainingPlan(
            set_name=self.examples.name,
            set_digest=self.examples.digest,
            examples=len(self.preferences or self.examples.examples),
            model=self.model.name,
            model_digest=self.model.digest,
            revision=self.model.revision,
            objective=DPO if self.preferences else SFT,
            preset=self.preset.to_json() | {"weights": self.weights},
            seed=self.seed,
            base_run=self.base_run,
            packages=package_versions(),
        )


def run_job(job: Job, runs: Path, watch: Watch = lambda _: None) -> RunFolder:
    """Train, unless the run is done; what a killed run has saved is gone on from.

    Raises:
        MissingExtra: the extra is not installed.
        InvalidInput: the model cannot be trained so.
    """
    require_train("trl", "peft", "accelerate")
    run = RunFolder.begin(runs, job.plan)
    if run.is_done:
        return run
    started, began = datetime.now(UTC), time.monotonic()
    curve = _Curve(run, watch)
    figures = _train(job, run, curve)
    if first_process():
        hours = (time.monotonic() - began) / 3600
        ended = datetime.now(UTC)
        told = figures | curve.figures()
        manifest = RunManifest(
            job.plan, moment(started), moment(ended), round(hours, 4), device_words(), told
        )
        run.finish(manifest)
    return run


class _Curve:
    """Writes each step into the run, and tells of it with the time that is left."""

    def __init__(self, run: RunFolder, watch: Watch) -> None:
        self._run = run
        self._watch = watch
        self._kept = run.curve()
        self._before: float | None = None

    def __call__(self, point: Mapping[str, float]) -> None:
        step = int(point["step"])
        if self._kept and int(self._kept[-1]["step"]) >= step:
            self._kept = [one for one in self._kept if int(one["step"]) < step]
            self._run.keep_curve(self._kept)
        if not math.isfinite(point["loss"]):
            raise InvalidInput(not_allowed(f"loss of step {step}", point["loss"], "finite"))
        kept = {name: value for name, value in point.items() if name != "of"}
        kept["tokens"] += self._tokens_before(point)
        self._kept.append(kept)
        self._run.add_point(kept)
        self._watch(point)

    def _tokens_before(self, point: Mapping[str, float]) -> float:
        """Give the tokens of the steps that another process has done, if this one counts from 0."""
        if self._before is None:
            last = float(self._kept[-1]["tokens"]) if self._kept else 0.0
            self._before = last if point["tokens"] < last else 0.0
        return self._before

    def figures(self) -> dict[str, float]:
        """The first and last losses, each over a tenth of the steps, and what was gone through."""
        losses = [float(point["loss"]) for point in self._kept]
        tenth = max(1, len(losses) // 10)
        last = self._kept[-1] if self._kept else {}
        return {
            "steps": float(last.get("step", 0)),
            "tokens": float(last.get("tokens", 0)),
            "first_loss": sum(losses[:tenth]) / tenth if losses else math.nan,
            "last_loss": sum(losses[-tenth:]) / tenth if losses else math.nan,
        }


def _train(job: Job, run: RunFolder, watch: Watch) -> dict[str, float]:
    loaded = load_model(job.model.path, job.weights)
    if job.preset.method == TOP_LAYERS:
        return _train_top(job, loaded, run, watch)
    work = Work(job.preset, job.seed, run.checkpoints, run.model, watch)
    if job.preferences:
        return prefer(loaded, job.preferences, work)
    if job.model.is_sequence_to_sequence:
        encoded = encode_pairs(loaded.tokenizer, job.examples.examples, job.preset.longest)
        return fine_tune_pairs(loaded, encoded.texts, work) | _sizes(encoded)
    encoded = encode(loaded.tokenizer, job.examples.examples, job.preset.longest)
    return fine_tune(loaded, encoded.texts, work) | _sizes(encoded)


def _sizes(encoded: Encoded) -> dict[str, float]:
    return {
        "set_tokens": float(encoded.tokens),
        "set_answer_tokens": float(encoded.answer_tokens),
        "cut_examples": float(encoded.cut),
    }


def _train_top(job: Job, loaded: LoadedModel, run: RunFolder, watch: Watch) -> dict[str, float]:
    """Train the top layers, with a checkpoint after each part of the steps."""
    preset = job.preset
    if job.preferences or job.model.is_sequence_to_sequence:
        allowed = "supervised examples and a causal model"
        raise InvalidInput(not_allowed(f"method {preset.method}", job.plan.objective, allowed))
    encoded = encode(loaded.tokenizer, job.examples.examples, preset.longest)
    split = SplitModel(loaded.model, preset.layers, used_precision(AUTO))
    split.check(encoded.texts[0])
    states = split.store(encoded.texts, job.cache, job.model.digest)
    learner = Learner(split, states, encoded.texts, preset)
    lengths = [len(text) for text in encoded.texts]
    plan = plan_steps(lengths, preset.step_tokens, job.seed, preset.steps, preset.epochs)
    start = _resumed(learner, run)
    every = max(1, len(plan.steps) // preset.saves)
    for point in learner.train(plan, start):
        watch({
            "step": point.step, "of": len(plan.steps), "loss": point.loss, "rate": point.rate,
            "tokens": point.tokens,
        })  # fmt: skip
        if point.step % every == 0 or point.step == len(plan.steps):
            _save_state(learner, run, point.step)
    loaded.model.save_pretrained(run.model)
    loaded.tokenizer.save_pretrained(run.model)
    return _sizes(encoded) | {"passes": plan.passes}


def _save_state(learner: Learner, run: RunFolder, step: int) -> None:
    """Put a checkpoint in place of the one before it, by one rename."""
    import torch

    run.checkpoints.mkdir(exist_ok=True)
    unfinished = run.checkpoints / f".{_STATE}"
    with unfinished.open("wb") as file:
        torch.save({"step": step, **learner.state()}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(run.checkpoints / _STATE)


def _resumed(learner: Learner, run: RunFolder) -> int:
    """Load the newest checkpoint, and return the steps that it has behind it."""
    import torch

    path = run.checkpoints / _STATE
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    learner.load(state)
    return int(state["step"])


def device_words() -> str:
    """Return what the run is computed on."""
    import torch
    from accelerate import PartialState

    number = PartialState().num_processes
    if torch.cuda.is_available():
        return f"{number} x {torch.cuda.get_device_name()}"
    return f"{number} x CPU, {torch.get_num_threads()} threads, {used_precision(AUTO)}"
