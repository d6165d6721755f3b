"""A day of a Hub that is grown with a task for every field, and what came of each dataset."""

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.views.overview import Overview, overview
from dynosaur_etl.settings import Settings
from tests.flows.scripted_llm import Answer, Body, fenced, scripted_llm
from tests.flows.support import environment, run_day, serving, settings

LAX = {"DYNOSAUR_VALIDITY": "lenient", "DYNOSAUR_NEAR_DUPLICATES": "0"}


def answer(body: Body) -> Answer:
    """Propose a task from every field to the mood or the last, each in words of its own."""
    asked = fenced(body)
    schema = body["response_format"]["json_schema"]["schema"]
    names = schema["properties"]["tasks"]["items"]["properties"]["output_field"]["enum"]
    output = "mood" if "mood" in names else names[-1]
    tasks = [
        {
            "instruction": f"Read {number} of {asked['dataset']} and say how it may feel.",
            "input_fields": [field["name"]],
            "output_field": output,
        }
        for number, field in enumerate(asked["fields"])
        if field["name"] != output
    ]
    return {"content": json.dumps({"tasks": tasks})}


@dataclass
class Read:
    """What a day came to."""

    url: str
    settings: Settings
    prompts: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]]
    status: Overview

    def query(self, words: str) -> list[tuple[Any, ...]]:
        with open_services(self.settings) as services, services.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(words))]

    def verdict(self, name: str) -> tuple[str | None, str]:
        where = f"where dataset_id = '{name}'"
        [row] = self.query(f"select reason, detail from verdicts {where}")  # noqa: S608
        return row[0], row[1]

    def rejects(self, name: str) -> Counter[tuple[str, str]]:
        """Count by the part of the dataset and the reason, as far as they are of its reading."""
        found = self.query("select subject, reason, number from rejections where stage = 'configs'")
        mine = [row for row in found if row[0].partition("@")[0] == name]
        parts = ((row[0].partition("/")[2].partition("/")[2], row[1], row[2]) for row in mine)
        return Counter({(part, reason): number for part, reason, number in parts})

    def instances(self, name: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["dataset"] == name]

    def shown(self, name: str) -> list[dict[str, Any]]:
        names = [field["name"] for field in self.prompts[name]["fields"]]
        return [dict(zip(names, row, strict=True)) for row in self.prompts[name]["rows"]]

    def fields(self, name: str) -> list[str]:
        return sorted(field["name"] for field in self.prompts[name]["fields"])


def grow(hub: Path, home: Path, url: str, days: list[str], **more: str) -> Read:
    with serving(hub, home / "logs") as servers, scripted_llm(answer) as llm:
        values = environment(replace(servers, llm=llm.url), url, home / "home", **LAX, **more)
        with open_services(settings(values)) as services:
            for day in days:
                for report in run_day(day, services):
                    counts = report.counts
                    assert counts.taken == counts.kept + counts.rejected, report
            kind = "select path from files where kind = 'instances'"
            with services.engine.connect() as connection:
                paths = [row[0] for row in connection.execute(text(kind))]
            rows = [row for path in paths for row in services.storage.read_table(path).to_pylist()]
            status = overview(services)
    prompts = {asked["dataset"]: asked for asked in map(fenced, llm.bodies)}
    return Read(url, settings(values), prompts, rows, status)
