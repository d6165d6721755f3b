"""Who wrote the tasks of a version: models with their share, providers with their terms."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain.models import NO_MODEL

UNKNOWN = "unknown"


@cache
def provider_terms() -> Mapping[str, Mapping[str, str]]:
    """Return what providers say on training with output, by provider."""
    text = files("dynosaur_etl.snapshots").joinpath("provider_terms.toml").read_text("utf-8")
    return tomllib.loads(text)


def models_of(tasks: pa.Table, selected: pa.Table) -> list[dict[str, Any]]:
    """Return each model that wrote tasks, as its server named it, those with most rows first.

    Args:
        tasks: of the pool, columns `schemas.TASKS`; from before tasks named their authors, none.
        selected: the rows to train on.
    """
    if "model" not in tasks.schema.names:
        return []
    rows_of = Counter(selected["task_key"].to_pylist())
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for task in tasks.select(["task_key", "model", "provider", "written_on"]).to_pylist():
        author = (task["model"], task["provider"])
        line = found.setdefault(author, {"tasks": 0, "rows": 0, "days": set()})
        line["tasks"] += 1
        line["rows"] += rows_of[task["task_key"]]
        line["days"].add(task["written_on"])
    total = max(selected.num_rows, 1)
    return [
        {
            "model": model,
            "provider": provider,
            "tasks": line["tasks"],
            "rows": line["rows"],
            "share": line["rows"] / total,
            "first": min(line["days"]),
            "last": max(line["days"]),
        }
        for (model, provider), line in sorted(
            found.items(), key=lambda item: (-item[1]["rows"], -item[1]["tasks"], item[0])
        )
    ]


def terms_of(models: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return, for each provider of these models, what it says on training with output.

    Native tasks have no provider, and so no line.
    """
    known = provider_terms()
    blank = {"may_train": UNKNOWN, "in_force": "", "read_on": "", "link": ""}
    providers = dict.fromkeys(line["provider"] for line in models if line["provider"] != NO_MODEL)
    return [{"provider": name, **blank, **known.get(name, {})} for name in providers]
