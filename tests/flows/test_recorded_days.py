"""Three real days of the Hub, grown from the recording: what is kept, and from which rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.select.pool import load_pool
from dynosaur_etl.flows.views.ledger_report import ledger_report
from dynosaur_etl.flows.views.overview import overview
from dynosaur_etl.hub.cards import parse_card
from tests.flows.support import (
    Servers,
    dump_files,
    dump_tables,
    environment,
    run_all,
    serving,
    settings,
)

pytestmark = pytest.mark.xdist_group("recorded_days")

DAYS = ("2020-12-03", "2020-12-04", "2020-12-07")
OWNER = "legacy-datasets"


@dataclass
class Grown:
    """The store after the three days."""

    services: Services
    servers: Servers
    reports: list[StepReport]
    home: Path
    url: str
    recording: Path

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.services.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def verdict(self, name: str) -> str | None:
        [(reason,)] = self.rows(
            "select reason from verdicts where dataset_id = :name", name=f"{OWNER}/{name}"
        )
        return reason

    def recorded(self, dataset: str, config: str, split: str) -> pa.Table:
        name = dataset.removeprefix(f"{OWNER}/")
        return pq.read_table(self.recording / "datasets" / name / config / f"{split}.parquet")


@pytest.fixture(scope="module")
def grown(
    recorded_hub: Path,
    make_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Grown]:
    home = tmp_path_factory.mktemp("recorded")
    url = make_database()
    with (
        serving(recorded_hub, home / "logs") as servers,
        open_services(settings(environment(servers, url, home))) as services,
    ):
        reports = run_all(DAYS, services)
        yield Grown(services, servers, reports, home, url, recorded_hub)


def test_every_count_reconciles_and_nothing_is_deferred(grown: Grown) -> None:
    for report in grown.reports:
        counts = report.counts
        assert counts.taken == counts.kept + counts.rejected + counts.deferred, report
        assert counts.deferred == 0, report
    for report in grown.reports:
        if report.step in {"examine", "validate", "fill"}:
            assert sum(report.reasons.values()) == report.counts.rejected


def test_the_candidates_are_what_was_created_or_changed_on_the_day(grown: Grown) -> None:
    counted = grown.rows("select day, change, count(*) from candidates group by 1, 2 order by 1, 2")
    assert counted == [
        ("2020-12-03", "changed", 1),
        ("2020-12-03", "created", 32),
        ("2020-12-04", "changed", 2),
        ("2020-12-04", "created", 27),
        ("2020-12-07", "changed", 2),
        ("2020-12-07", "created", 20),
    ]
    changed = grown.rows("select dataset_id from candidates where change = 'changed' order by 1")
    names = [name.removeprefix(f"{OWNER}/") for (name,) in changed]
    assert names == ["asset", "gutenberg_time", "msra_ner", "social_bias_frames", "species_800"]


def test_every_candidate_has_one_verdict_at_a_commit_of_that_day(grown: Grown) -> None:
    [(candidates, verdicts)] = grown.rows(
        "select (select count(*) from candidates), (select count(*) from verdicts)"
    )
    assert candidates == verdicts == 84
    late = grown.rows(
        "select dataset_id from candidates "
        "where to_char(committed_at at time zone 'UTC', 'YYYY-MM-DD') <> day"
    )
    assert late == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("clinc_oos", None),
        ("go_emotions", None),
        ("sharc", None),
        ("quac", None),
        ("aqua_rat", None),
        ("covid_qa_deepset", None),
        ("amttl", "language_not_allowed"),  # Chinese
        ("nkjp-ner", "language_not_allowed"),  # Polish
        ("autshumato", "multilingual"),
        ("opus_dogc", "multilingual"),
        ("medal", "licence_missing"),  # `unknown`
        ("turku_ner_corpus", "licence_not_allowed"),  # non-commercial
        ("paws-x", "licence_not_allowed"),  # `other`
        ("deal_or_no_dialog", "licence_conflict"),  # YAML open, text non-commercial
        ("glucose", "licence_conflict"),
        ("ncbi_disease", "card_unreadable"),  # its YAML of that day does not parse
        ("coached_conv_pref", None),  # conversations as a structure
        ("wiki_bio", None),  # a table as a structure, and a text
    ],
)
def test_named_datasets_are_kept_or_rejected_for_the_right_reason(
    grown: Grown, name: str, reason: str | None
) -> None:
    assert grown.verdict(name) == reason


def test_a_card_is_read_as_it_was_on_the_day_and_not_as_it_is_now(
    grown: Grown, recorded_hub: Path
) -> None:
    """The card of ncbi_disease parses today; on its first day it did not."""
    today = parse_card((recorded_hub / "datasets" / "ncbi_disease" / "README.md").read_bytes())
    assert today.languages == ("en",)
    assert grown.verdict("ncbi_disease") == "card_unreadable"


def dump(grown: Grown) -> tuple[dict[str, list[str]], dict[str, str]]:
    return dump_tables(grown.url), dump_files(grown.home)


def test_the_same_days_again_change_nothing_and_ask_nobody(grown: Grown) -> None:
    before, paid = dump(grown), grown.servers.paid_requests()
    asked = grown.servers.hub_requests()
    run_all(DAYS, grown.services)
    assert dump(grown) == before
    assert grown.servers.paid_requests() == paid
    assert grown.servers.hub_requests() == asked


def test_instances_are_the_rows_they_came_from(grown: Grown) -> None:
    pool = load_pool(grown.services, list(DAYS)).instances.to_pylist()
    tasks = {
        key: (inputs, output)
        for key, inputs, output in grown.rows("select key, input_fields, output_field from tasks")
    }
    assert len(pool) > 80
    for instance in pool:
        inputs, output = tasks[instance["task_key"]]
        table = grown.recorded(instance["dataset"], instance["config"], instance["split"])
        row = table.slice(instance["row"], 1).to_pylist()[0]
        if isinstance(row.get(output), str):
            assert row[output].strip().startswith(instance["output"])
        for name in inputs:
            if isinstance(row.get(name), str) and len(row[name]) < 300:
                asked = (
                    f"{instance['instruction']} {instance['input']}"  # native rows ask themselves
                )
                assert row[name].strip() in asked


def test_class_labels_are_names_in_every_output(grown: Grown) -> None:
    pool = load_pool(grown.services, list(DAYS)).instances.to_pylist()
    features = {
        key: features[output]
        for key, output, features in grown.rows(
            "select t.key, t.output_field, c.features from tasks t join configs c "
            "on c.day = t.day and c.dataset_id = t.dataset_id and c.name = t.config"
        )
    }
    labelled = [row for row in pool if features[row["task_key"]].get("_type") == "ClassLabel"]
    assert len(labelled) > 10
    for row in labelled:
        assert row["output"] in {name.strip() for name in features[row["task_key"]]["names"]}
        assert not row["output"].isdigit()


def test_the_snapshot_opens_with_explicit_features(grown: Grown, tmp_path: Path) -> None:
    import datasets

    built = next(report for report in grown.reports if report.step == "snapshot")
    folder = grown.home / "store" / built.facts["path"]
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path))
    assert len(loaded) == built.facts["rows"] == 20
    assert loaded.features["instruction"].dtype == "string"
    assert loaded.features["row"].dtype == "int64"
    assert loaded.features["quality"].dtype == "float64"
    order = pq.read_table(folder / "selection.parquet")["instance_key"].to_pylist()
    assert loaded["instance_key"][:] == order


def test_the_ledger_equals_the_servers_own_log(grown: Grown) -> None:
    ledger = ledger_report(grown.services)
    assert ledger.consistent, ledger
    paid = grown.servers.paid_requests()
    [(requests, prompt, completion)] = grown.rows(
        "select count(*), sum(prompt_tokens), sum(completion_tokens) from llm_requests"
    )
    assert requests == len(paid)
    assert prompt == sum(line["prompt_tokens"] for line in paid)
    assert completion == sum(line["completion_tokens"] for line in paid)


def test_the_overview_tells_the_same_numbers(grown: Grown) -> None:
    state = overview(grown.services)
    [(tasks,)] = grown.rows("select count(*) from tasks")
    assert state.funnel.tasks == tasks == sum(day.funnel.tasks for day in state.days)
    assert state.funnel.datasets_seen == 84
    assert [snapshot.version for snapshot in state.snapshots] == [1]
