"""Evaluate a run's model, or any other, on a fixed set; compare two models on the same items."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.schemas import SCORABLE
from dynosaur_etl.flows.runtime.asking import ask
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.train.fine_tune import set_of
from dynosaur_etl.flows.train.harness import PREFIX as HARNESS
from dynosaur_etl.flows.train.harness import run_harness
from dynosaur_etl.flows.train.places import evaluation_set, named_model, places
from dynosaur_etl.inference.extra import require_train
from dynosaur_etl.llm.outcomes import Outcomes
from dynosaur_etl.quality.pairwise import LOSS, TIE, UNKNOWN, WIN, Pair, compare_answers
from dynosaur_etl.quality.reward import RewardModel
from dynosaur_etl.settings import Settings
from dynosaur_etl.training.evaluation import (
    REWARD,
    Item,
    evaluate_losses,
    evaluate_texts,
    paired,
    read_items,
    report,
    with_metric,
)
from dynosaur_etl.training.loading import LoadedModel, load_to_ask
from dynosaur_etl.training.runs import RunFolder, list_runs, package_versions
from dynosaur_etl.training.sets import Example, ExampleSet, read_set
from dynosaur_etl.training.text_metrics import METEOR_FORM

LONGEST = 1_024


@dataclass(frozen=True)
class Wanted:
    """What is evaluated, and by which measures.

    Attributes:
        model: a run, `packaged:NAME`, a folder, or an id of the Hub.
        on: `held-out`, a file or folder, a folder of tasks, `packaged:NAME`, or `lm-eval:TASKS`.
        per_task: most examples of a task, of a folder of tasks; 0 for all.
        most: examples of the set at most, the first ones; 0 for all.
        texts: most examples for which the model writes an answer.
        reward: whether the reward model of the settings scores these.
    """

    model: str
    on: str
    per_task: int = 0
    most: int = 0
    texts: int = 0
    reward: bool = False


class Folder(Protocol):
    """What keeps evaluations by name: a run, or the place of a model that no run made."""

    def write_evaluation(self, name: str, content: Mapping[str, Any]) -> Path: ...
    def evaluations(self) -> dict[str, dict[str, Any]]: ...


def evaluate(wanted: Wanted, settings: Settings, progress: Progress = silent) -> dict[str, Any]:
    """Evaluate a model on a set, and keep the result beside its run.

    Returns:
        The report, see `training.evaluation.report`, and its path.

    Raises:
        MissingExtra: the extra is not installed.
        InvalidInput: model or set is not allowed.
    """
    require_train("rouge_score", "nltk")
    run = run_of(wanted.model, settings)
    model = named_model(run.name if run else wanted.model, settings)
    folder = run or untrained(model.name, model.digest, settings)
    if wanted.on.startswith(HARNESS):
        content = run_harness(model.path, wanted.on, settings)
        path = folder.write_evaluation(f"lm-eval-{digest(wanted.on)[:8]}", content)
        return content | {"path": str(path)}
    examples = _examples(wanted, settings, run)
    loaded = load_to_ask(model.path)
    items = measure(loaded, examples, wanted, settings, progress)
    facts = {
        "model": model.name,
        "model_digest": model.digest,
        "set": examples.name,
        "set_digest": examples.digest,
        "examples": len(items),
        "in_training_set": _seen(examples, run),
        "meteor": METEOR_FORM,
        "packages": package_versions(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    content = report(items, facts)
    path = folder.write_evaluation(evaluation_name(examples), content)
    return content | {"path": str(path)}


def measure(
    loaded: LoadedModel,
    examples: ExampleSet,
    wanted: Wanted,
    settings: Settings,
    progress: Progress = silent,
) -> list[Item]:
    """Return every item of a set under the measures that are wanted."""
    chosen = examples.examples[: wanted.most or None]
    items = evaluate_losses(loaded, chosen, LONGEST, progress)
    number = min(wanted.texts, len(chosen))
    if number:
        asked = chosen[:number]
        written = evaluate_texts(loaded, asked, items[:number], LONGEST, progress=progress)
        if wanted.reward:
            written = _rewarded(written, asked, settings)
        items[:number] = written
    return items


def compare(ours: str, theirs: str, on: str, settings: Settings) -> dict[str, Any]:
    """Compare two evaluations of the same name, item by item.

    Returns:
        By metric the mean of ours minus theirs, with its interval over sources.

    Raises:
        InvalidInput: one of them has not been evaluated on this, or they share no item.
    """
    mine, other = (read_items(_evaluated(name, on, settings)) for name in (ours, theirs))
    found = paired(mine, other)
    return {name: asdict(interval) for name, interval in found.items()}


def judge(ours: str, theirs: str, on: str, day: str, services: Services) -> dict[str, Any]:
    """Let the judge of the settings compare what two models wrote, in both orders.

    Args:
        ours: a run or model that was evaluated with texts.
        theirs: the other one.
        on: name of the evaluation.
        day: growth day whose run pays.
        services: with the ledger.

    Raises:
        InvalidInput: there are no texts of both for one item.
        LlmRefused, LlmUnavailable: as `flows.runtime.asking.ask`.
    """
    settings = services.settings
    mine, other = (
        {item.key: item for item in read_items(_evaluated(name, on, settings)) if item.text}
        for name in (ours, theirs)
    )
    pairs = [
        Pair(f"{on}:{key}", item.prompt, item.text, other[key].text)
        for key, item in mine.items()
        if key in other
    ]
    if not pairs:
        raise InvalidInput(not_allowed("texts of both models", 0, "1 or more: evaluate --texts N"))

    def asked(requests: Sequence[ChatRequest]) -> Outcomes:
        return ask(requests, day, services)

    verdicts = compare_answers(pairs, settings.judge_model or settings.llm_model, asked)
    counts = {name: verdicts.count(name) for name in (WIN, LOSS, TIE, UNKNOWN)}
    score = verdicts.winning_score if counts[UNKNOWN] < len(pairs) else None
    return {"pairs": len(pairs), **counts, "winning_score": score}


def evaluation_name(examples: ExampleSet) -> str:
    """Return the name of an evaluation on a set: readable, and another for another content."""
    words = examples.name.replace(" ", "-")
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in words)
    return f"{safe[:40]}-{examples.digest[:8]}"


def run_of(name: str, settings: Settings) -> RunFolder | None:
    """Return the run of a name, or of its beginning where that is one run's alone."""
    found = [run for run in list_runs(places(settings).runs) if run.name.startswith(name)]
    exact = [run for run in found if run.name == name] or found
    return exact[0] if len(exact) == 1 and not Path(name).exists() else None


def untrained(name: str, sha256: str, settings: Settings) -> RunFolder:
    """Return the place where evaluations of a model that no run made are kept."""
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)
    folder = places(settings).runs / f"untrained-{safe}-{sha256[-12:]}"
    folder.mkdir(parents=True, exist_ok=True)
    return RunFolder(folder)


def _examples(wanted: Wanted, settings: Settings, run: RunFolder | None) -> ExampleSet:
    version = set_of(run) if run is not None else None
    return evaluation_set(wanted.on, settings, version, wanted.per_task)


def _seen(examples: ExampleSet, run: RunFolder | None) -> int | None:
    """Count the examples whose prompt is in the set that the run was trained on, if it is known."""
    folder = set_of(run) if run is not None else None
    if folder is None:
        return None
    known = {example.prompt for example in read_set(folder).examples}
    return sum(example.prompt in known for example in examples.examples)


def _rewarded(items: Sequence[Item], examples: Sequence[Example], settings: Settings) -> list[Item]:
    """Add the number that the reward model gives to each text."""
    rows = [
        dict.fromkeys(SCORABLE.names, "")
        | {
            "instance_key": item.key, "instruction": example.prompt, "output": item.text, "row": 0,
            "label_space": [],
        }
        for item, example in zip(items, examples, strict=True)
    ]  # fmt: skip
    model = RewardModel(settings.reward_model, device=settings.reward_device)
    scores = model.score(pa.Table.from_pylist(rows, schema=SCORABLE))["reward"].to_pylist()
    return [with_metric(item, REWARD, value) for item, value in zip(items, scores, strict=True)]


def _evaluated(name: str, on: str, settings: Settings) -> dict[str, Any]:
    run = run_of(name, settings)
    if run is None:
        model = named_model(name, settings)
        run = untrained(model.name, model.digest, settings)
    found = run.evaluations()
    chosen = [key for key in found if key == on or key.startswith(on)]
    if len(chosen) != 1:
        raise InvalidInput(
            not_allowed(f"evaluation of {run.name}", on, sorted(found) or "none yet")
        )
    return found[chosen[0]]
