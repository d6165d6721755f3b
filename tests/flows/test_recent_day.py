"""A week of the Hub of 2026, polled, grown and selected by the command line: instruction sets."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import create_engine, text

from dynosaur_etl.domain.models import Mode
from dynosaur_etl.forms.form import Form
from tests.flows.support import ROOT, Servers, environment, serving
from tests.forms.recent import expectations

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("recent_day")]

FIRST, LAST = "2026-10-12", "2026-10-18"
ALSO_DROPPED = ("multilingual", "no_training_split")


@dataclass(frozen=True)
class Week:
    """What the commands came to."""

    polled: dict[str, Any]
    grown: dict[str, Any]
    version: dict[str, Any]
    folder: Path
    home: Path
    servers: Servers
    url: str
    root: Path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(text(query))]
        engine.dispose()
        return found

    def train(self) -> list[dict[str, Any]]:
        [path] = (self.folder / "data").glob("train-*")
        return list(pq.read_table(path, partitioning=None).to_pylist())


@pytest.fixture(scope="module")
def week(
    recent_hub: Path, make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Week]:
    home, url = tmp_path_factory.mktemp("week"), make_database()
    with serving(recent_hub, home / "logs") as servers:
        values = environment(
            servers,
            url,
            home,
            DYNOSAUR_INSTANCES_PER_TASK="100",
            DYNOSAUR_NATIVE_SHARE="1",
            DYNOSAUR_NEAR_DUPLICATES="0",  # the sets ask some questions twice
        )
        days = ("--from", FIRST, "--to", LAST)
        polled = _dynosaur(values, "poll", *days)
        grown = _dynosaur(values, "grow", *days)
        version = _dynosaur(values, "snapshot", "--day", LAST, "-k", "1000")
        folder = home / "store" / "snapshots" / "v0001"
        yield Week(polled, grown, version, folder, home, servers, url, recent_hub)


def _dynosaur(values: dict[str, str], *arguments: str) -> Any:
    result = subprocess.run(
        [sys.executable, "-m", "dynosaur_etl", *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, **values},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_every_count_reconciles_and_nobody_was_asked(week: Week) -> None:
    reports = [*week.polled["steps"], *week.grown["steps"]]
    assert len(reports) >= 7 * 6
    for report in reports:
        done = report["kept"] + report["rejected"] + report["deferred"]
        assert report["taken"] == done, report
        assert report["deferred"] == 0, report
    assert week.servers.paid_requests() == []
    [(instances,)] = week.rows("select sum(rows) from files where kind = 'instances'")
    [(conversations,)] = week.rows("select sum(rows) from files where kind = 'conversations'")
    filled = [report["kept"] for report in reports if report["step"] == "fill"]
    assert sum(filled) == instances <= conversations
    assert sum(filled) > 200


def test_every_set_has_the_right_verdict(week: Week) -> None:
    verdicts = dict(week.rows("select dataset_id, reason from verdicts"))
    configs = set(week.rows("select dataset_id, name from configs"))
    for line in expectations(week.root):
        name, reason = line["id"], verdicts[line["id"]]
        if line["expect"] == "keep" and reason is not None:
            assert reason in ALSO_DROPPED, (name, reason)
            assert "also_right" in line, (name, reason)
        elif line["expect"] == "keep":
            known = {config for dataset, config in configs if dataset == name}
            assert line["config"] in known or len(known) == 1, (name, line["config"], known)
        else:
            assert (name, line["config"]) not in configs, name


def test_the_form_is_told_with_the_verdict_and_on_the_task(week: Week) -> None:
    details = dict(week.rows("select dataset_id, detail from verdicts"))
    assert "is sharegpt: messages conversations" in details["pinecrest/mixed-turns"]
    forms = dict(week.rows("select dataset_id, form from tasks"))
    assert forms["glenmore/plain-dpo-pairs"] == "preference"
    assert forms["wrenhouse/quaylib-sessions"] == "traces"
    assert {form for _, form in week.rows("select mode, form from tasks where form = ''")} == set()
    stored = week.rows("select form from configs where dataset_id = 'glenmore/plain-dpo-pairs'")
    assert stored[0][0]["roles"]["rejected"] == "rejected"


def test_native_tasks_are_found_by_their_form(week: Week) -> None:
    from dynosaur_etl.flows.runtime.services import open_services
    from dynosaur_etl.flows.views.task_list import TaskSearch, find_tasks
    from dynosaur_etl.flows.views.task_report import task_report
    from tests.flows.support import settings

    with open_services(settings(environment(week.servers, week.url, week.home))) as services:
        found = find_tasks(services, TaskSearch(form=Form.TRACES)).rows
        assert [(line.dataset, line.mode, line.form) for line in found] == [
            ("wrenhouse/quaylib-sessions", "native", "traces")
        ]
        [line] = found
        report = task_report(services, line.day, line.request_key, line.position)
        assert report.filters == []
        assert report.request is None
        assert any("is_palindrome" in example.output for example in report.examples)
        native = find_tasks(services, TaskSearch(mode=Mode.NATIVE, size=100)).rows
        assert len(native) == len(week.rows("select key from tasks"))


def test_nothing_that_must_never_be_taught_is_an_output(week: Week) -> None:
    rows = week.train()
    taught = {row["output"].strip() for row in rows}
    taught |= {
        turn["content"].strip()
        for row in rows
        for turn in row["messages"]
        if turn["role"] == "assistant"
    }
    checked = 0
    for line in expectations(week.root):
        own = {row["output"].strip() for row in rows if row["dataset"] == line["id"]}
        for never in line["never_texts"]:
            assert never.strip() not in own, (line["id"], never)
            if len(never) > 40 and line["expect"] == "keep":
                assert never.strip() not in taught, (line["id"], never)
            checked += 1
    assert checked > 150


def test_every_worked_instance_is_in_the_version(week: Week) -> None:
    rows = week.train()
    kept = dict(week.rows("select dataset_id, name from configs"))
    checked = 0
    for line in expectations(week.root):
        if line["expect"] == "drop" or line["id"] not in kept:
            continue
        own = [row for row in rows if row["dataset"] == line["id"]]
        for wanted in line["instances"]:
            assert any(_is_wanted(row, wanted) for row in own), (line["id"], wanted)
            checked += 1
    assert checked > 40


def _is_wanted(row: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if "messages" not in wanted:
        return bool(row["output"] == wanted["output"])
    turns = [(turn["role"], turn["content"].strip()) for turn in wanted["messages"]]
    thought = f"<think>\n{row['reasoning']}\n</think>\n\n" if row["reasoning"] else ""
    said = [(turn["role"], turn["content"]) for turn in row["messages"]]
    *before, (role, last) = said
    return [*before, (role, thought + last)][: len(turns)] == turns


def test_preferences_are_a_config_of_their_own(week: Week, tmp_path: Path) -> None:
    import datasets

    loaded = datasets.load_dataset(
        str(week.folder), "preferences", split="train", cache_dir=str(tmp_path)
    )
    assert set(loaded.column_names) == {"instance_key", "prompt", "chosen", "rejected", "source"}
    keys = {row["instance_key"] for row in week.train()}
    for pair in loaded:
        assert pair["instance_key"] in keys
        assert [turn["role"] for turn in pair["chosen"]] == ["assistant"]
        assert [turn["role"] for turn in pair["rejected"]] == ["assistant"]
        assert pair["prompt"][-1]["role"] == "user"
        assert pair["chosen"] != pair["rejected"]
    names = {pair["source"].partition("@")[0] for pair in loaded}
    assert names == {"glenmore/plain-dpo-pairs", "lindisfarne/helpful-harmless-mini"}


def test_the_version_opens_with_its_conversations(week: Week, tmp_path: Path) -> None:
    import datasets

    loaded = datasets.load_dataset(str(week.folder), split="train", cache_dir=str(tmp_path))
    assert {"messages", "tools", "reasoning"} <= set(loaded.column_names)
    for row in loaded:
        assert row["messages"][-1]["role"] == "assistant"
        assert isinstance(json.loads(row["tools"]), list)
    assert any(row["reasoning"] for row in loaded)
    card = (week.folder / "README.md").read_text()
    assert "config_name: preferences" in card


def test_trl_trains_on_the_version_as_it_is(week: Week, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="the extra [train] is not installed")
    import datasets

    from tests.training.tiny import write_model

    model = str(write_model(tmp_path / "model"))
    steps = {"max_steps": 1, "per_device_train_batch_size": 2, "max_length": 512, "bf16": False}
    steps |= {"use_cpu": True, "report_to": "none"}

    def rows(config: str) -> Any:
        cache = str(tmp_path / "cache")
        return datasets.load_dataset(str(week.folder), config, split="train", cache_dir=cache)

    options = trl.SFTConfig(str(tmp_path / "sft"), **steps)
    sft = trl.SFTTrainer(model=model, args=options, train_dataset=rows("default"))
    assert len(sft.train_dataset) == len(week.train())
    text = sft.processing_class.decode(sft.train_dataset[0]["input_ids"])
    assert week.train()[0]["messages"][-1]["content"][:40] in text
    assert sft.train().training_loss > 0
    options = trl.DPOConfig(str(tmp_path / "dpo"), **steps)
    dpo = trl.DPOTrainer(model=model, args=options, train_dataset=rows("preferences"))
    assert dpo.train().training_loss > 0


def test_the_share_bounds_the_native_instances() -> None:
    from dynosaur_etl.flows.select.native_share import within_share
    from tests.flows.pools import pool_of

    native = pool_of(["native"] * 6 + ["aware"] * 2, tasks=["a"] * 5 + ["b"] + ["c"] * 2)
    assert within_share(native, 6, ()).all()
    within = within_share(native, 2, ())
    assert within.tolist() == [False, False, False, False, True, True, True, True]
    kept = native.instances["instance_key"][0].as_py()
    assert within_share(native, 2, [kept]).tolist()[0]
    assert within_share(native, 0, ()).tolist() == [False] * 6 + [True] * 2
    assert isinstance(native.instances, pa.Table)


def test_the_verdict_says_which_models_wrote_a_set(week: Week) -> None:
    details = dict(week.rows("select dataset_id, detail from verdicts where reason is null"))
    assert any("written by" in words for words in details.values())
    assert "tagged synthetic" in details["larkhill/magpie-harbour-mini"]
