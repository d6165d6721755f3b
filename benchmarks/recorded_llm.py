"""The demo's LLM server, which answers with the tasks that GPT-3.5 wrote where they are recorded.

    python -m benchmarks.recorded_llm RECORDED_TASKS.jsonl --port 8099

A config without a recorded task whose fields it offers is answered by the demo's rules.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from demo import llm_completion, llm_server
from demo.llm_reading import Offer
from demo.llm_rules import MAX_TASKS, propose

Tasks = dict[str, list[dict[str, Any]]]


def read_recorded(path: Path) -> Tasks:
    """Read the tasks with one output, by dataset."""
    tasks: Tasks = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        task = json.loads(line)
        if len(task["output_field"]) == 1:
            tasks[task["dataset"]].append({
                "instruction": task["instruction"],
                "input_fields": task["input_fields"],
                "output_field": task["output_field"][0],
            })  # fmt: skip
    return tasks


def answer_with(tasks: Tasks) -> None:
    """Let the demo's server answer with recorded tasks first."""

    def recorded(offer: Offer, digest: str) -> list[dict[str, Any]]:
        offered = {field.name for field in offer.fields}
        fitting = [
            task
            for task in tasks.get(offer.dataset.rpartition("/")[2], [])
            if {*task["input_fields"], task["output_field"]} <= offered
        ]
        part = fitting[:MAX_TASKS] if offer.summary else fitting[MAX_TASKS:] or fitting
        return part[:MAX_TASKS] or propose(offer, digest)

    llm_completion.propose = recorded  # type: ignore[attr-defined]


if __name__ == "__main__":
    answer_with(read_recorded(Path(sys.argv[1])))
    llm_server.main(sys.argv[2:])
