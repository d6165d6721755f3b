"""Evaluate a model on examples, one figure an item, and sum the items up.

First comes the loss in nats a token of the right answer: it moves with every weight, where a small
model's texts are too far from the answers for ROUGE-L to tell. Then exact match over a task's
closed list of answers, and last the texts that the model writes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.inference.answer_loss import AnswerLoss, Progress, answer_losses, silent
from dynosaur_etl.training.encoding import encode, encode_pairs
from dynosaur_etl.training.generation import NEW_TOKENS, generate
from dynosaur_etl.training.loading import LoadedModel
from dynosaur_etl.training.sets import Example
from dynosaur_etl.training.statistics import Interval, highest, lowest, over_items
from dynosaur_etl.training.text_metrics import TEXT_METRICS

NATS, LABEL_RIGHT, REWARD = "nats", "label_right", "reward"
METRICS = (NATS, LABEL_RIGHT, *TEXT_METRICS, REWARD)
LOWER_IS_BETTER = frozenset({NATS})
GROUPS = ("task", "kind", "source")


@dataclass(frozen=True)
class Item:
    """What a model does on one example.

    Attributes:
        metrics: by name: `nats` a token of the first answer; `label_right`, 1 or 0, where the task
            has a closed list; those of the text that it writes, where it was asked to; `reward`.
        tokens: of the first answer.
        text: what it writes, empty where it was not asked.
        prompt: what it was asked then.
    """

    key: str
    task: str
    source: str
    kind: str
    tokens: int
    metrics: Mapping[str, float]
    text: str = ""
    prompt: str = ""


@dataclass(frozen=True)
class Summary:
    """A metric over items.

    Attributes:
        interval: of the mean, by resampling sources.
        lowest: mean over the tenth of the items with the lowest values; of nats, the best ones.
        highest: the same of the highest.
        at_zero: share of the items at 0.
    """

    metric: str
    interval: Interval
    lowest: float
    highest: float
    at_zero: float


def evaluate_losses(
    loaded: LoadedModel, examples: Sequence[Example], longest: int, progress: Progress = silent
) -> list[Item]:
    """Return an item for each example, with its loss and, of closed lists, whether it picks right.

    Args:
        loaded: a causal model, or a sequence-to-sequence one, for which there is the loss alone.
        examples: one or more.
        longest: most tokens of an example.
        progress: is called with (texts so far, all).
    """
    losses = _losses(loaded, examples, longest, progress)
    items = [
        Item(one.key, one.task, one.source, one.kind, loss.tokens, {NATS: loss.per_token})
        for one, loss in zip(examples, losses, strict=True)
    ]
    for at, right in _picks(loaded, examples, longest).items():
        items[at] = with_metric(items[at], LABEL_RIGHT, right)
    return items


def evaluate_texts(
    loaded: LoadedModel,
    examples: Sequence[Example],
    items: Sequence[Item],
    longest: int,
    new_tokens: int = NEW_TOKENS,
    progress: Progress = silent,
) -> list[Item]:
    """Return the items with what the model writes, and the metrics of that."""
    texts = generate(loaded, examples, longest, new_tokens, progress)
    found = []
    for item, example, text in zip(items, examples, texts, strict=True):
        told = {name: metric(text, example.answers) for name, metric in TEXT_METRICS.items()}
        metrics = {**item.metrics, **told}
        found.append(replace(item, text=text, prompt=example.prompt, metrics=metrics))
    return found


def with_metric(item: Item, name: str, value: float) -> Item:
    return replace(item, metrics={**item.metrics, name: value})


def summarise(items: Sequence[Item], seed: int = 0) -> list[Summary]:
    """Return each metric that items have, over those that have it.

    Raises:
        InvalidInput: there is no item.
    """
    if not items:
        raise InvalidInput(not_allowed("items", 0, "1 or more"))
    return [found for name in METRICS if (found := _summary(items, name, seed)) is not None]


def by_group(items: Sequence[Item], group: str) -> dict[str, list[Summary]]:
    """Return the same for each task, kind or source, by its name."""
    if group not in GROUPS:
        raise InvalidInput(not_allowed("group", group, GROUPS))
    parts: dict[str, list[Item]] = {}
    for item in items:
        parts.setdefault(getattr(item, group), []).append(item)
    return {name: summarise(part) for name, part in sorted(parts.items())}


def paired(ours: Sequence[Item], theirs: Sequence[Item], seed: int = 0) -> dict[str, Interval]:
    """Return ours minus theirs on the same items, for each metric that both have.

    It tells how sure the difference of these two models is, not of two methods: see `statistics`.

    Raises:
        InvalidInput: they share no item.
    """
    other = {item.key: item for item in theirs}
    pairs = [(item, other[item.key]) for item in ours if item.key in other]
    if not pairs:
        raise InvalidInput(not_allowed("items of both", 0, "1 or more"))
    found = {}
    for name in METRICS:
        both = [(a, b) for a, b in pairs if name in a.metrics and name in b.metrics]
        if both:
            values = [a.metrics[name] - b.metrics[name] for a, b in both]
            found[name] = over_items(values, [a.source for a, _ in both], seed)
    return found


def report(items: Sequence[Item], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything of an evaluation, JSON-able: facts, sums and every item."""
    return {
        "facts": dict(facts),
        "all": [_plain(found) for found in summarise(items)],
        **{
            f"by_{group}": {
                name: [_plain(found) for found in part]
                for name, part in by_group(items, group).items()
            }
            for group in GROUPS
        },
        "items": [asdict(item) for item in items],
    }


def read_items(content: Mapping[str, Any]) -> list[Item]:
    """Return the items of a report."""
    return [Item(**item) for item in content["items"]]


def mean_of(items: Iterable[Item], metric: str = NATS) -> float:
    """Return the mean of a metric over the items that have it."""
    return float(np.mean([item.metrics[metric] for item in items if metric in item.metrics]))


def _plain(found: Summary) -> dict[str, Any]:
    return asdict(found)


def _summary(items: Sequence[Item], name: str, seed: int) -> Summary | None:
    having = [item for item in items if name in item.metrics]
    if not having:
        return None
    values = [item.metrics[name] for item in having]
    interval = over_items(values, [item.source for item in having], seed)
    zeros = sum(value == 0 for value in values) / len(values)
    return Summary(name, interval, lowest(values), highest(values), zeros)


def _losses(
    loaded: LoadedModel, examples: Sequence[Example], longest: int, progress: Progress
) -> list[AnswerLoss]:
    if loaded.model.config.is_encoder_decoder:
        return _pair_losses(loaded, examples, longest, progress)
    texts = encode(loaded.tokenizer, examples, longest).texts
    return answer_losses(loaded.model, texts, progress=progress)


def _pair_losses(
    loaded: LoadedModel, examples: Sequence[Example], longest: int, progress: Progress
) -> list[AnswerLoss]:
    """Ask a sequence-to-sequence model one example at a time."""
    import torch

    found = []
    model = loaded.model.eval()
    texts = encode_pairs(loaded.tokenizer, examples, longest).texts
    with torch.inference_mode():
        for number, text in enumerate(texts, start=1):
            ids = torch.tensor([text.ids[: text.answer_from]], device=model.device)
            labels = torch.tensor([text.ids[text.answer_from :]], device=model.device)
            loss = float(model(input_ids=ids, labels=labels).loss)
            found.append(AnswerLoss(loss * text.answer_length, text.answer_length))
            progress(number, len(texts))
    return found


def _picks(loaded: LoadedModel, examples: Sequence[Example], longest: int) -> dict[int, float]:
    """Tell, for each example with a closed list, whether the likeliest of it is a right answer."""
    asked = [(at, label) for at, example in enumerate(examples) for label in example.labels]
    if not asked or loaded.model.config.is_encoder_decoder:
        return {}
    variants = [replace(examples[at], answers=(label,)) for at, label in asked]
    losses = answer_losses(loaded.model, encode(loaded.tokenizer, variants, longest).texts)
    best: dict[int, tuple[float, str]] = {}
    for (at, label), loss in zip(asked, losses, strict=True):
        if at not in best or loss.nats < best[at][0]:
            best[at] = (loss.nats, label)
    return {at: float(label in examples[at].answers) for at, (_, label) in best.items()}
