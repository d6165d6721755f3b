"""The commands that measure: evaluate a model, run an experiment, try a version."""

from math import exp
from typing import Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, err, out, progress_bar, show_fields
from dynosaur_etl.cli.context import command_settings, open_command_services
from dynosaur_etl.cli.train import metric_words

app = typer.Typer()

On = Annotated[
    str,
    typer.Option("--on", help="held-out, a file or folder, packaged:NAME, or lm-eval:TASKS."),
]


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Run, folder, Hub id or packaged:NAME.")],
    on: On = "held-out",
    tasks: Annotated[
        str, typer.Option(help="Folder of tasks, as Super-NI or BIG-bench has it, for --on.")
    ] = "",
    per_task: Annotated[int, typer.Option(min=0, help="Most examples of a task; 0: all.")] = 0,
    most: Annotated[int, typer.Option(min=0, help="Most examples; 0: all.")] = 0,
    texts: Annotated[int, typer.Option(min=0, help="Examples whose answer is written.")] = 0,
    reward: Annotated[bool, typer.Option(help="Score these by the reward model.")] = False,
    against: Annotated[str, typer.Option(help="Another model, evaluated on the same.")] = "",
    judge: Annotated[bool, typer.Option(help="Let the LLM compare the texts of both.")] = False,
    as_json: Json = False,
) -> None:
    """Evaluate a model: loss, labels, ROUGE-L, METEOR; all, the tails, by task, kind and source."""
    from dynosaur_etl.flows.train import evaluate as flow

    settings = command_settings()
    wanted = flow.Wanted(model, tasks or on, per_task, most, texts, reward)
    with progress_bar(as_json) as progress:
        found = flow.evaluate(wanted, settings, progress("evaluating"))
    state = {name: value for name, value in found.items() if name != "items"}
    if against:
        name = found["path"].rpartition("/")[2].removesuffix(".json")
        state["against"] = flow.compare(model, against, name, settings)
        if judge:
            state["judged"] = _judged(model, against, name)
    emit(state, as_json, _show_evaluation)


def _judged(model: str, against: str, name: str) -> dict[str, Any]:
    from datetime import UTC, datetime

    from dynosaur_etl.flows.train.evaluate import judge as flow

    with open_command_services() as services:
        return flow(model, against, name, str(datetime.now(UTC).date()), services)


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="selection, alpha, size, replay, and so on.")],
    pool: Annotated[str, typer.Argument(help="Version with its pool, or a folder or file.")] = "",
    learner: Annotated[str, typer.Option(help="proxy, or smol: a small real model.")] = "",
    model: Annotated[str, typer.Option(help="Of the learner; several by commas.")] = "",
    on: Annotated[str, typer.Option(help="Evaluation set.")] = "",
    seeds: Annotated[int, typer.Option(min=0, help="0: the experiment's own number.")] = 0,
    k: Annotated[int, typer.Option("-k", min=0, help="Rows that a method picks.")] = 0,
    methods: Annotated[str, typer.Option(help="By commas, in place of its own.")] = "",
    workers: Annotated[
        int, typer.Option(min=0, help="Processes of one thread; 0: one a core.")
    ] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the hours and dollars; train nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run an experiment over seeds, and report it; a run that was killed goes on."""
    from dynosaur_etl.flows.train import experiment as flow

    settings = command_settings()
    inquiry = flow.read_inquiry(name, pool, learner, model, on, seeds, k, methods, workers)
    with progress_bar(as_json) as progress:
        if dry_run:
            found = flow.costs(inquiry, settings, progress("reading"))
        else:
            found = flow.run(inquiry, settings, _reporter(as_json), progress("reading"))
    emit(found, as_json, show_fields if dry_run else _show_experiment)


def _reporter(as_json: bool) -> Any:
    def report(progress: Any) -> None:
        words = f", {progress.seconds_left / 60:.0f} minutes left"
        cell = f"{progress.cell.method}, seed {progress.cell.seed}"
        err.print(f"{progress.done} of {progress.of}{words}: {cell}", markup=False)

    return (lambda _: None) if as_json else report


@app.command("try")
def try_version(
    version: Annotated[str, typer.Argument(help="Number of a version: 7 or v0007.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print which models would be trained.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train on a version, on its parent and on random rows; write the gain beside the version."""
    from dataclasses import asdict

    from dynosaur_etl.flows.runtime.version_records import version_number
    from dynosaur_etl.flows.train import trial as flow

    with open_command_services() as services:
        number = version_number(version)
        arms = flow.plan_arms(number, services)
        if not dry_run:
            for arm in arms:
                err.print(f"training {arm.label}", markup=False)
                flow.run_arm(number, services, arm.kind, arm.seed)
            emit(dict(flow.report_trial(number, services).facts), as_json, show_fields)
            return
    emit({"arms": [asdict(arm) for arm in arms]}, as_json, show_fields)


def _show_evaluation(state: dict[str, Any]) -> None:
    if "by_kind" not in state:
        out.print(metric_words(state["all"]), markup=False)
        out.print(state["path"], markup=False, soft_wrap=True)
        return
    for group in ("by_source", "by_kind", "all"):
        parts = {"all": state["all"]} if group == "all" else state[group]
        for name, found in parts.items():
            for one in found:
                out.print(f"{name}: {_measured(one)}", markup=False, soft_wrap=True)
    for metric, change in state.get("against", {}).items():
        words = "{mean:+.3f} [{low:+.3f}, {high:+.3f}]".format(**change)
        out.print(f"minus the other, {metric}: {words}", markup=False)
    if "judged" in state:
        show_fields(state["judged"])
    out.print(state["path"], markup=False, soft_wrap=True)


def _measured(one: dict[str, Any]) -> str:
    """Return one metric of one part of the set as a line."""
    words = "{mean:.3f} [{low:.3f}, {high:.3f}] of {number}".format(**one["interval"])
    if one["metric"] == "nats":
        words += f", perplexity {exp(one['interval']['mean']):.4g}"
    tails = f"lowest tenth {one['lowest']:.3f}, highest tenth {one['highest']:.3f}"
    return f"{one['metric']} {words}, {tails}, {one['at_zero']:.0%} at 0"


def _show_experiment(state: dict[str, Any]) -> None:
    for line in state["words"]:
        out.print(line, markup=False, soft_wrap=True)
    out.print(state["report"], markup=False, soft_wrap=True)
