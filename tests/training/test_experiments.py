"""Experiments over a model and a pool of a test: cells, seeds, controls, reports, resumption."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.train.workers import solved_in_processes
from dynosaur_etl.training.continual import ALL
from dynosaur_etl.training.experiments import methods, reports
from dynosaur_etl.training.experiments.learner import SmallLearner
from dynosaur_etl.training.experiments.methods import METHODS, SelectionPool, read_choice
from dynosaur_etl.training.experiments.overlap import without_overlap
from dynosaur_etl.training.experiments.proxy import ProxyExperiment
from dynosaur_etl.training.experiments.replay import ReplayExperiment, Sizes, task_vectors
from dynosaur_etl.training.experiments.representativeness import (
    RepresentativenessExperiment,
    distance,
    evenness,
)
from dynosaur_etl.training.experiments.running import (
    Cell,
    CellRecord,
    Cost,
    Notebook,
    by_method,
    run_experiment,
)
from dynosaur_etl.training.experiments.selection import (
    CONTROL,
    UNTRAINED,
    Evaluation,
    SelectionExperiment,
    control_half,
)
from dynosaur_etl.training.experiments.views import quality_views, similarity_views
from dynosaur_etl.training.loading import find_model
from dynosaur_etl.training.presets import TINY
from dynosaur_etl.training.sets import Example
from tests.training.tiny import write_model

PRESET = TINY.changed(method="top-layers", layers=2, step_tokens=150, rate=5e-3)


def example(source: int, task: int, row: int) -> Example:
    prompt = f"Say {task} of {source}.\n\nNote {row}: it came back late, {row} times."
    return Example(
        f"{source}-{task}-{row}", ({"role": "user", "content": prompt},),
        (f"{'calm' if task else 'cross'} {row % 3}",), f"task {source}.{task}", f"source {source}",
        kind="text" if task else "short answer", quality=(row % 5) / 5,
    )  # fmt: skip


POOL = tuple(example(s, t, r) for s in range(6) for t in range(2) for r in range(6))
FIXED = tuple(example(s, t, r) for s in (20, 21) for t in range(2) for r in range(3))
OTHERS = tuple(example(s, t, r) for s in (20, 21) for t in range(2) for r in range(3, 8))


def pool() -> SelectionPool:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(len(POOL), 8)).astype(np.float32)
    quality = np.array([one.quality for one in POOL], np.float64)
    tokens = np.array([40 + at % 9 for at in range(len(POOL))], np.int64)
    return SelectionPool(POOL, vectors, quality, tokens)


@pytest.fixture
def learner(tmp_path: Path) -> SmallLearner:
    model = find_model(write_model(tmp_path / "model"))
    return SmallLearner(model, PRESET, tmp_path / "cache")


class Counting:
    """An experiment that counts how often each cell is run, and can be killed at one."""

    name = "counting"
    facts: Mapping[str, Any] = {"what": "counted"}

    def __init__(self, last: Cell | None = None) -> None:
        self.runs: Counter[Cell] = Counter()
        self.last = last

    def cells(self) -> Sequence[Cell]:
        return [Cell(method, seed) for seed in range(3) for method in ("random", "other")]

    def estimate(self, cells: Sequence[Cell]) -> Cost:
        return Cost(len(cells), 0.0)

    def run(self, cell: Cell) -> Mapping[str, Any]:
        if cell == self.last:
            raise KeyboardInterrupt
        self.runs[cell] += 1
        return {"nats": cell.seed + (cell.method == "other") * 0.1}


def test_a_killed_experiment_goes_on_and_runs_no_cell_twice(tmp_path: Path) -> None:
    killed = Counting(last=Cell("random", 2))
    with pytest.raises(KeyboardInterrupt):
        run_experiment(killed, Notebook.open(tmp_path, killed))
    assert len(killed.runs) == 4
    with next(tmp_path.rglob("records.jsonl")).open("a") as file:
        file.write('{"cell": {"method": "ran')
    again = Counting()
    told: list[Any] = []
    records = run_experiment(again, Notebook.open(tmp_path, again), told.append)
    assert set(again.runs) == {Cell("random", 2), Cell("other", 2)}
    assert [record.cell for record in records] == list(again.cells())
    assert [(one.done, one.of) for one in told] == [(5, 6), (6, 6)]
    whole = Counting()
    anew = run_experiment(whole, Notebook.open(tmp_path / "anew", whole))
    figures = [{**r.figures, "seconds": 0} for r in records]
    assert figures == [{**r.figures, "seconds": 0} for r in anew]


def test_processes_share_the_cells_and_give_the_same_figures() -> None:
    cells = Counting().cells()
    found = {one.cell: one.figures["nats"] for one in solved_in_processes(Counting, 2, cells)}
    assert found == {cell: Counting().run(cell)["nats"] for cell in cells}
    assert list(solved_in_processes(Counting, 2, [])) == []


def test_other_facts_have_another_folder(tmp_path: Path) -> None:
    one, other = Counting(), Counting()
    other.facts = {"what": "else"}
    assert Notebook.open(tmp_path, one).folder != Notebook.open(tmp_path, other).folder


def test_only_seeds_that_every_method_has_are_compared() -> None:
    cells = [("random", 0), ("random", 1), ("other", 1), ("other", 2)]
    records = [CellRecord(Cell(*cell), {"nats": float(at)}) for at, cell in enumerate(cells)]
    assert by_method(records, "nats") == {"random": [1.0], "other": [2.0]}
    with pytest.raises(InvalidInput, match="records with"):
        by_method(records[:1] + records[3:], "nats")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_method_picks_distinct_rows_and_the_seed_decides(name: str, seed: int) -> None:
    picks = METHODS[name](pool(), 12, seed)
    assert len(set(picks.tolist())) == len(picks)
    assert picks.tolist() == METHODS[name](pool(), 12, seed).tolist()
    if name not in (methods.RANDOM_AT_EQUAL_TOKENS, methods.DEITA):
        assert len(picks) == 12
    if name.startswith("random"):
        assert picks.tolist() != METHODS[name](pool(), 12, seed + 1).tolist()


def test_random_at_equal_tokens_has_the_tokens_of_qdit() -> None:
    whole = pool()
    tokens = np.random.default_rng(1).integers(10, 200, len(whole))
    uneven = replace(whole, tokens=tokens)
    for seed in range(5):
        picks = METHODS[methods.RANDOM_AT_EQUAL_TOKENS](uneven, 20, seed)
        wanted = tokens[METHODS["qdit-0.7"](uneven, 20, seed)].sum()
        assert abs(tokens[picks].sum() - wanted) <= 100


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("random", ("random", 0, "")), ("qdit-0.3@50", ("qdit-0.3", 50, "")),
        ("coverage/output", ("coverage", 0, "output")), ("quality@7/ifd", ("quality", 7, "ifd")),
    ],
)  # fmt: skip
def test_a_cells_name_says_method_rows_and_view(name: str, wanted: tuple[str, int, str]) -> None:
    found = read_choice(name)
    assert (found.method, found.rows, found.view) == wanted


@pytest.mark.parametrize("name", ["best", "qdit-2", "qdit-", "random@0", "random@-3", "qdit-nan"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        read_choice(name)


def selection(learner: SmallLearner, **values: Any) -> SelectionExperiment:
    evaluation = Evaluation("fixed", FIXED, OTHERS)
    numbers = {"seeds": 2, "k": 10, "methods": ("random", "qdit-0.7")} | values
    return SelectionExperiment(
        "selection", {"": pool()}, evaluation, learner, {"pool": "p"}, **numbers
    )


def test_selection_trains_every_method_for_the_same_steps_and_tokens(
    learner: SmallLearner, tmp_path: Path
) -> None:
    experiment = selection(learner)
    notebook = Notebook.open(tmp_path / "experiments", experiment)
    records = run_experiment(experiment, notebook)
    assert [record.cell.method for record in records] == [
        UNTRAINED, "random", "qdit-0.7", CONTROL, UNTRAINED, "random", "qdit-0.7", CONTROL,
    ]  # fmt: skip
    trained = [record for record in records if record.cell.method != UNTRAINED]
    assert {record.figures["steps"] for record in trained} == {experiment.steps}
    longest = max(len(text) for text in experiment.known.texts)
    tokens = [record.figures["tokens"] for record in trained]
    assert max(tokens) - min(tokens) < 2 * longest
    for record in records:
        assert record.figures["nats"] == pytest.approx(
            np.mean(list(record.figures["by_task"].values()))
        )
    assert experiment.run(records[1].cell)["nats"] == records[1].figures["nats"]
    written = reports.report_selection(notebook.folder, records, {**experiment.facts})
    text = written.path.read_text()
    assert "positive control" in text.lower()
    assert "not shown" in text
    results = json.loads((notebook.folder / "results.json").read_text())
    assert results["answers"][0]["comparisons"][0]["method"] == "qdit-0.7"
    assert len(results["answers"]) == 6, "three kinds of rows, against random and no training"
    assert (notebook.folder / "differences.png").stat().st_size > 1_000


@pytest.mark.parametrize("seed", range(4))
def test_a_seed_parts_what_is_chosen_from_and_what_is_asked_about(seed: int) -> None:
    sample = methods.draw_sample(POOL, 0.5, 5, seed)
    parts = [set(part.tolist()) for part in (sample.choice, sample.known, sample.new)]
    assert sum(map(len, parts)) == len(set().union(*parts)), "no row is in two of them"
    sources = [{POOL[at].source for at in part} for part in parts]
    assert sources[1] <= sources[0]
    assert not sources[2] & sources[0]
    assert list(map(len, parts)) == [33, 3, 5]
    assert sample.choice.tolist() != methods.draw_sample(POOL, 0.5, 5, seed + 1).choice.tolist()


def test_nothing_of_the_evaluation_is_in_any_batch(learner: SmallLearner) -> None:
    """The rows of every step are looked at, of every method and of the control."""
    seen: list[tuple[Example, ...]] = []
    experiment = selection(learner)
    train = learner.train

    def watched(known: Any, positions: Sequence[int], steps: int, seed: int) -> Any:
        of = OTHERS if known is experiment.control else POOL
        seen.append(tuple(of[at] for at in positions))
        return train(known, positions, steps, seed)

    learner.train = watched  # type: ignore[method-assign]
    for cell in experiment.cells():
        experiment.run(cell)
    assert len(seen) == 6
    fixed = {one.prompt for one in FIXED}
    assert not any(one.prompt in fixed for rows in seen for one in rows)
    tasks = [one.task for one in FIXED]
    evaluated = {task for task in tasks if control_half(task, tasks)}
    assert evaluated
    assert not any(one.task in evaluated for rows in seen for one in rows)


def test_views_of_the_pool_choose_otherwise(learner: SmallLearner) -> None:
    whole = pool()
    random = np.random.default_rng(5)
    views = dict(similarity_views(whole, lambda texts: random.normal(size=(len(texts), 4))))
    assert set(views) == {"instruction", "output", "format", "task"}
    same = views["task"].vectors @ views["task"].vectors.T
    tasks = np.array([one.task for one in POOL])
    assert (same == (tasks[:, None] == tasks)).all()
    qualities = dict(quality_views(whole, learner))
    assert set(qualities) == {"ifd", "loss", "length"}
    for view in qualities.values():
        assert sorted(view.quality) == pytest.approx(np.linspace(0, 1, len(whole)))
    experiment = SelectionExperiment(
        "judge", {"": whole, **qualities}, Evaluation("fixed", FIXED, OTHERS), learner, {},
        methods=("random", "quality/ifd"), seeds=1, k=5,
    )  # fmt: skip
    assert experiment.run(Cell("quality/ifd", 0))["rows"] == 5
    with pytest.raises(InvalidInput, match="view of the pool"):
        experiment.run(Cell("quality/else", 0))


def test_replay_takes_the_same_steps_under_every_strategy(
    learner: SmallLearner, tmp_path: Path
) -> None:
    random = np.random.default_rng(2)
    vectors = task_vectors(POOL, random.normal(size=(12, 4)), random.normal(size=(len(POOL), 4)))
    experiment = ReplayExperiment(
        POOL, vectors, FIXED, learner, {"pool": "p"}, ("none", "random", "instruction-diverse"),
        seeds=2, sizes=Sizes(tasks=4, rows=6, replayed=2),
    )  # fmt: skip
    notebook = Notebook.open(tmp_path / "experiments", experiment)
    records = run_experiment(experiment, notebook)
    assert [record.cell.method for record in records[:4]] == [
        "none", "random", "instruction-diverse", ALL,
    ]  # fmt: skip
    longest = max(len(text) for text in experiment.known.texts)
    tokens = [record.figures["tokens"] for record in records]
    assert max(tokens) - min(tokens) < 4 * longest
    for record in records:
        numbers = [len(tasks) for tasks in record.figures["replayed"]]
        most = {"none": [0, 0, 0], ALL: [0, 4, 8]}.get(record.cell.method, [0, 2, 2])
        assert numbers == most
        assert (
            record.figures["stage_1_after_1"]
            == records[record.cell.seed * 4].figures["stage_1_after_1"]
        ), "the first stage is the same for all strategies of a seed"
    assert experiment.run(records[5].cell)["test"] == records[5].figures["test"]
    written = reports.report_replay(notebook.folder, records, experiment.facts)
    text = written.path.read_text()
    assert "| strategy | S1 test | S1 hold | S2 test | S2 hold | S1 after S2 |" in text


def test_the_proxy_asks_the_nearest_pick(tmp_path: Path) -> None:
    whole = pool()
    tasks = {one.task: at for at, one in enumerate(POOL)}
    alike = np.eye(len(tasks), 12, dtype=np.float32)
    place = {task: at for at, task in enumerate(sorted(tasks))}
    known = replace(whole, vectors=alike[[place[one.task] for one in POOL]])
    experiment = ProxyExperiment(known, {}, ("random", "coverage"), seeds=3, k=10)
    notebook = Notebook.open(tmp_path, experiment)
    records = run_experiment(experiment, notebook)
    means = {name: np.mean(values) for name, values in by_method(records, "known_tasks").items()}
    assert means["coverage"] >= 0.5, "one pick of each task gives half of every answer"
    written = reports.report_proxy(notebook.folder, records, experiment.facts)
    assert "no model learns" in written.path.read_text()


def test_what_picks_are_like() -> None:
    experiment = RepresentativenessExperiment(pool(), np.arange(72.0), {}, seeds=1, k=10)
    figures = {cell.method: experiment.run(cell) for cell in experiment.cells()}
    assert set(figures) == set(METHODS)
    assert max(figures, key=lambda name: figures[name]["coverage"]) in ("coverage", "qdit-0.5")
    assert evenness(["a", "a", "a", "a"]) == pytest.approx(1)
    assert evenness(["a", "b", "c", "d"]) == pytest.approx(4)
    assert distance(["a", "b"], ["a", "b", "a", "b"]) == 0
    assert distance(["a"], ["b"]) == 1


def test_rows_that_share_words_with_the_evaluation_are_taken_out() -> None:
    words = " ".join(f"word{n}" for n in range(20))
    shared = replace(POOL[0], turns=({"role": "user", "content": f"Do it.\n\nOh {words} now"},))
    asked = replace(FIXED[0], turns=({"role": "user", "content": f"Else.\n\n{words.upper()}"},))
    kept, dropped = without_overlap([*POOL, shared], [asked])
    assert (len(kept), dropped) == (len(POOL), 1)
    answered = replace(POOL[1], answers=(words,))
    assert without_overlap([answered], [asked])[1] == 1
    short = replace(POOL[2], answers=(" ".join(words.split()[:12]),))
    assert without_overlap([short], [asked])[1] == 0
