"""Tokens per kept task, for the paper's prompt and ours on the same 200 recorded configs.

No LLM is at hand, so the answers are stand-ins that are the same for both prompts, each written in
the form that the prompt asks for: the tasks that GPT-3.5 wrote for the config where they are
recorded, else those of the demo's rules. The difference is therefore that of the prompts alone.

The projection takes the number of configs, tasks and instances from the paper's own release. One
takes the paper's price list too: gpt-3.5-turbo at 2 dollars per million tokens, in and out (2023),
half in a batch. The other takes what the default model costs in a batch today, its thoughts at the
default effort with it.

Usage: python -m benchmarks.cost [--quick] [--json]
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.harness import ROOT, Figure, main, measured_child, peer_python
from demo.llm_reading import read_offer
from demo.llm_rules import propose
from dynosaur_etl.domain.chat import ChatRequest, TokenCounts
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.models import Config, Mode, PromptPreset
from dynosaur_etl.domain.request_form import THOUGHT_TOKENS, Effort
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.llm.rates import Price
from dynosaur_etl.proposals.critic import CriticExample, FilledTask, build_critic_request
from dynosaur_etl.proposals.draft import Sample
from dynosaur_etl.proposals.parse import RawProposal, read_proposals
from dynosaur_etl.proposals.prompt import MAX_TASKS, build_request, shown_columns
from dynosaur_etl.proposals.validity import TaskParts, judge_proposals
from dynosaur_etl.settings import Settings

HUB = ROOT.parent / "shared" / "hub"
TOKENIZER = ("rs-bpe==0.1.0",)
CONFIGS = 200
PROMPTS = (Mode.AWARE, Mode.UNAWARE)
MODEL = "gpt-3.5-turbo"

MESSAGE_TOKENS = 4
REPLY_TOKENS = 3
"""OpenAI's chat form: four tokens around each message, three before the answer."""

DOLLARS_PER_MILLION = 2.0
BATCH_DISCOUNT = 0.5
PAPER_CONFIGS, PAPER_TASKS, PAPER_INSTANCES = 2_061, 5_740, 802_000
PAPER_DOLLARS = 11.48
VERDICT = {
    "task": 1,
    "reason": "The output is told by the inputs and it is what is asked.",
    "valid": True,
}


@dataclass(frozen=True)
class Asked:
    """A config as both prompts see it, and the tasks that stand in for an LLM's."""

    config: Config
    summary: str
    rows: Sequence[dict[str, Any]]
    tasks: Sequence[dict[str, Any]]


@dataclass
class Bill:
    """What one preset asked and got."""

    prompts: list[str]
    answers: list[str]
    requests: int = 0
    kept: int = 0


def measure(quick: bool) -> list[Figure]:
    """Ask both prompts about the same configs, and count the tokens of both."""
    configs = list(asked_configs(50 if quick else CONFIGS))
    bills = {preset: bill_of(preset, configs) for preset in PromptPreset}
    tokens = {preset: count(bill) for preset, bill in bills.items()}
    ours, paper = bills[PromptPreset.TIGHT], bills[PromptPreset.PAPER]
    recorded = sum(bool(asked.tasks) for asked in configs)
    figures = []
    for vocabulary in ("cl100k", "o200k"):
        mine = sum(tokens[PromptPreset.TIGHT][vocabulary]) / ours.kept
        theirs = sum(tokens[PromptPreset.PAPER][vocabulary]) / paper.kept
        notes = {
            "configs": len(configs),
            "with GPT-3.5's own tasks": recorded,
            "requests": f"{ours.requests} and {paper.requests}",
            "kept": f"{ours.kept} and {paper.kept}",
        }
        figures.append(
            Figure(f"tokens per kept task, {vocabulary}", mine, "", "paper's prompt", theirs, notes)
        )
        name = f"tokens per kept task, {vocabulary}: fewer"
        figures.append(Figure(name, 1 - mine / theirs, "", "at least", 0.4))
    proposing = default_price(ours, len(configs))
    return figures + prices(tokens, len(configs)) + [proposing, *critic_prices(configs)]


def prices(tokens: dict[PromptPreset, dict[str, list[int]]], configs: int) -> list[Figure]:
    """Project the price of the paper's 802,000 instances from the tokens of one config."""
    of_config = {preset: sum(found["cl100k"]) / configs for preset, found in tokens.items()}
    dollars = {
        preset: number * PAPER_CONFIGS * DOLLARS_PER_MILLION / 1e6
        for preset, number in of_config.items()
    }
    notes = {
        "configs": PAPER_CONFIGS,
        "tasks": PAPER_TASKS,
        "instances": PAPER_INSTANCES,
        "tokens a config": round(of_config[PromptPreset.TIGHT]),
    }
    ours = dollars[PromptPreset.TIGHT]
    return [
        Figure("price of 802K, ours in batch", ours * BATCH_DISCOUNT, "dollars", "at most", 4.0),
        Figure("price of 802K, ours", ours, "dollars", "the paper paid", PAPER_DOLLARS, notes),
        Figure(
            "price of 802K, our copy of its prompt",
            dollars[PromptPreset.PAPER],
            "dollars",
            "the paper paid",
            PAPER_DOLLARS,
            {"tokens a config": round(of_config[PromptPreset.PAPER])},
        ),
    ]


def default_model() -> tuple[str, Price]:
    """Return the default model and what it costs in a batch at the default server."""
    fields = Settings.model_fields
    model, server = (str(fields[name].default) for name in ("llm_model", "openai_base_url"))
    price = load_prices(server=server).in_batch().price(model)
    if price is None:
        raise InvalidInput(f"model: received {model}, which has no price; allowed: one that has")
    return model, price


def default_price(bill: Bill, configs: int) -> Figure:
    """Project the price of the paper's 802,000 instances in a batch of the default model."""
    model, price = default_model()
    effort = Effort(Settings.model_fields["llm_effort"].default)
    used = usage(bill.prompts, bill.answers, THOUGHT_TOKENS[effort])
    notes = {
        "model": model,
        "prompt tokens a config": round(sum(tokens.prompt or 0 for tokens in used) / configs),
        "answer's": round(sum(tokens.completion or 0 for tokens in used) / configs),
        "effort": str(effort),
        "price": f"{price.origin.source} {price.origin.version}",
    }
    dollars = dollars_of(used, price) * PAPER_CONFIGS / configs
    name = "price of 802K in batch, the default model"
    return Figure(name, dollars, "dollars", "at most", 0.4, notes)


def usage(prompts: list[str], answers: list[str], thoughts: int = 0) -> list[TokenCounts]:
    """Count the tokens of each request, with so many thoughts in each answer."""
    sent = count(Bill(prompts, [""] * len(prompts), len(prompts)))["o200k"]
    whole = count(Bill(prompts, answers, len(prompts)))["o200k"]
    return [
        TokenCounts(prompt, 0, 0, both - prompt + thoughts)
        for prompt, both in zip(sent, whole, strict=True)
    ]


def dollars_of(used: Sequence[TokenCounts], price: Price) -> float:
    return float(sum((price.cost(tokens) or Decimal(0) for tokens in used), Decimal(0)))


def critic_prices(configs: Sequence[Asked]) -> list[Figure]:
    """Price the critic of 1,000 tasks in a batch of the default model: once a config, or a task.

    The answers are stand-ins: a verdict on each task, with a reason of a dozen words.
    """
    model, price = default_model()
    filled = [tasks for asked in configs if (tasks := filled_tasks(asked))]
    number = sum(map(len, filled))
    dollars = {}
    for name, groups in (("config", filled), ("task", [[one] for some in filled for one in some])):
        requests = [build_critic_request(some, "s", model) for some in groups]
        prompts = [prompt_text(request) for request in requests]
        verdicts = [
            json.dumps({"verdicts": [VERDICT | {"task": n + 1} for n in range(len(some))]})
            for some in groups
        ]
        dollars[name] = dollars_of(usage(prompts, verdicts), price) / number * 1_000
    notes = {"model": model, "tasks": number, "configs": len(filled)}
    return [
        Figure(
            "critic of 1,000 tasks, one call a config",
            dollars["config"],
            "dollars",
            "one call a task",
            dollars["task"],
            notes,
        )
    ]


def filled_tasks(asked: Asked) -> list[FilledTask]:
    """Give the tasks of a config that pass the filters, with two rows in the form of instances."""
    raw = [RawProposal(n, task) for n, task in enumerate(asked.tasks or demo_tasks(asked))]
    judged = judge_proposals(asked.config, asked.rows, [(Mode.AWARE, raw)]).proposals
    sample = Sample(asked.config, asked.rows, ())
    return [
        FilledTask(found.judgement.instruction, examples_of(found.judgement, sample))
        for found in judged
        if isinstance(found.judgement, TaskParts)
    ]


def examples_of(task: TaskParts, sample: Sample) -> list[CriticExample]:
    several = len(task.input_fields) > 1

    def given(row: int) -> str:
        texts = [(name, sample.profile(name).all_texts[row] or "") for name in task.input_fields]
        return " ".join(f"{name} is '{text}'." if several else text for name, text in texts)

    outputs = sample.profile(task.output_field).all_texts
    return [CriticExample(given(row), text) for row, text in enumerate(outputs) if text][:2]


def bill_of(preset: PromptPreset, configs: Sequence[Asked]) -> Bill:
    bill = Bill([], [])
    for asked in configs:
        answers = []
        tasks = asked.tasks or demo_tasks(asked)
        for number, mode in enumerate(PROMPTS):
            request = request_for(asked, mode, preset)
            if request is None:
                continue
            content = written(tasks[number :: len(PROMPTS)][:MAX_TASKS], preset)
            bill.requests += 1
            bill.prompts.append(prompt_text(request))
            bill.answers.append(content)
            answers.append((mode, read_proposals(content, None, "stop").proposals))
        judged = judge_proposals(asked.config, asked.rows, answers).proposals
        bill.kept += sum(proposal.keep for proposal in judged)
    return bill


def request_for(asked: Asked, mode: Mode, preset: PromptPreset) -> ChatRequest | None:
    columns = shown_columns(asked.config, preset)
    rows = [{name: row.get(name) for name in columns} for row in asked.rows[:2]]
    config = asked.config
    return build_request(asked.summary, config.dataset_id, config, rows, mode, MODEL, preset)


def written(tasks: Sequence[dict[str, Any]], preset: PromptPreset) -> str:
    """Write tasks in the form that a preset asks for."""
    if preset is PromptPreset.TIGHT:
        return json.dumps({"tasks": tasks}, ensure_ascii=False)
    listed = [{**task, "output_field": [task["output_field"]]} for task in tasks]
    return repr({f"task{number}": task for number, task in enumerate(listed, start=1)})


def prompt_text(request: ChatRequest) -> str:
    """Give everything that is billed as the prompt; the schema too, though not as it is sent."""
    texts = [message["content"] for message in request.messages]
    if request.schema is not None:
        texts.append(json.dumps(request.schema, separators=(",", ":")))
    return "\n".join(texts)


def count(bill: Bill) -> dict[str, list[int]]:
    """Count the tokens of each request with its answer, by vocabulary."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump([*bill.prompts, *bill.answers], file)
        file.flush()
        python = peer_python("tokens", TOKENIZER)
        counts = measured_child(python, "benchmarks.cost_child", [file.name])
    overhead = 2 * MESSAGE_TOKENS + REPLY_TOKENS
    return {
        name: [
            prompt + answer + overhead
            for prompt, answer in zip(found[: bill.requests], found[bill.requests :], strict=True)
        ]
        for name, found in counts.items()
    }


def demo_tasks(asked: Asked) -> list[dict[str, Any]]:
    request = request_for(asked, Mode.UNAWARE, PromptPreset.TIGHT)
    return [] if request is None else propose(read_offer(request.body()), request.key)


def asked_configs(number: int) -> Iterator[Asked]:
    """Give one config a dataset, those with recorded tasks first, by name."""
    recorded = recorded_tasks()
    found = [config for path in sorted((HUB / "datasets").iterdir()) for config in configs_of(path)]
    first: dict[str, Path] = {}
    for path in sorted(found, key=lambda path: (key_of(path) not in recorded, path)):
        first.setdefault(path.parent.name, path)
    given = 0
    for path in first.values():
        asked = read_config(path, recorded.get(key_of(path), []))
        presets = [request_for(asked, Mode.UNAWARE, preset) for preset in PromptPreset]
        if None not in presets and given < number:
            given += 1
            yield asked


def configs_of(dataset: Path) -> list[Path]:
    return [path for path in sorted(dataset.iterdir()) if any(path.glob("*.parquet"))]


def key_of(path: Path) -> tuple[str, str]:
    return path.parent.name, path.name


def recorded_tasks() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Give GPT-3.5's tasks with one output, by dataset and config."""
    tasks: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in (HUB / "recorded_tasks.jsonl").read_text(encoding="utf-8").splitlines():
        task = json.loads(line)
        if len(task["output_field"]) == 1 and task["config"]:
            parts = {name: task[name] for name in ("instruction", "input_fields")}
            parts["output_field"] = task["output_field"][0]
            tasks[task["dataset"], task["config"]].append(parts)
    return tasks


def read_config(path: Path, tasks: Sequence[dict[str, Any]]) -> Asked:
    files = sorted(path.glob("*.parquet"))
    features = json.loads(pq.read_schema(files[0]).metadata[b"huggingface"])["info"]["features"]
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    card = parse_card((path.parent / "README.md").read_bytes())
    dataset, name = key_of(path)
    return Asked(Config(dataset, "0" * 40, name, features, {}), card.summary, rows[:100], tasks)


if __name__ == "__main__":
    main(measure, __doc__ or "")
