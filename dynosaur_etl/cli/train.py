"""The commands that train: fine-tune, keep learning, and look at the runs and the models."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, err, out, progress_bar, show_fields
from dynosaur_etl.cli.context import command_settings

app = typer.Typer()
runs_app = typer.Typer(help="The runs: what was trained, on what, and how it went.")
models_app = typer.Typer(help="Models and evaluation sets that packages carry.")

Target = Annotated[str, typer.Argument(help="Version such as v0007, or a folder or file.")]
Model = Annotated[
    str, typer.Option("--model", help="Hub id, folder, run, or packaged:NAME; see `models`.")
]
PresetName = Annotated[str, typer.Option("--preset", help="dynosaur, qdit, small, smol.")]
Seed = Annotated[int, typer.Option(help="Of the order, and of adapters.")]
Epochs = Annotated[float | None, typer.Option(min=0, help="In place of the preset's.")]
Steps = Annotated[int | None, typer.Option(min=1, help="In place of the preset's epochs.")]
Rate = Annotated[float | None, typer.Option(min=0, help="Learning rate, in place of the preset's.")]
Method = Annotated[str | None, typer.Option(help="full, lora or top-layers.")]
Longest = Annotated[int | None, typer.Option(min=128, help="Tokens of an example at most.")]
DeviceBatch = Annotated[int | None, typer.Option(min=1, help="Examples on a device at once.")]


@app.command()
def train(
    target: Target,
    model: Model,
    preset: PresetName = "small",
    seed: Seed = 0,
    epochs: Epochs = None,
    steps: Steps = None,
    rate: Rate = None,
    method: Method = None,
    longest: Longest = None,
    device_batch: DeviceBatch = None,
    objective: Annotated[str, typer.Option(help="sft, or dpo on `preferences`.")] = "sft",
    weights: Annotated[str, typer.Option(help="float32 or bfloat16, as held.")] = "float32",
    revision: Annotated[str, typer.Option(help="Commit of a model of the Hub.")] = "",
    as_json: Json = False,
) -> None:
    """Fine-tune a model on a set; the same command goes on from where it was killed."""
    from dynosaur_etl.flows.train.fine_tune import Request, show_run
    from dynosaur_etl.flows.train.fine_tune import train as flow

    settings = command_settings()
    request = Request(
        target, model, preset, _changes(epochs, steps, rate, method, longest, device_batch),
        seed, revision, objective, weights,
    )  # fmt: skip
    with _watching("training", as_json) as watch:
        run = flow(request, settings, watch)
    emit(show_run(run.name, settings), as_json, _show_run)


@app.command()
def learn(
    target: Target,
    model: Model,
    preset: PresetName = "small",
    replay: Annotated[
        str, typer.Option(help="none, random, instruction-diverse, all, and so on.")
    ] = "instruction-diverse",
    replay_tasks: Annotated[
        int, typer.Option(min=0, help="Earlier tasks that a stage trains on again.")
    ] = 20,
    days: Annotated[int, typer.Option(min=1, help="Growth days of a stage.")] = 1,
    on: Annotated[str, typer.Option(help="Test set; see `evaluate`.")] = "held-out",
    seed: Seed = 0,
    epochs: Epochs = None,
    steps: Steps = None,
    rate: Rate = None,
    as_json: Json = False,
) -> None:
    """Learn stage by stage as the growth days brought tasks, with replay; trains what is new."""
    from dynosaur_etl.flows.train.fine_tune import Request
    from dynosaur_etl.flows.train.learn import Learning
    from dynosaur_etl.flows.train.learn import learn as flow

    changes = _changes(epochs, steps, rate, None, None, None)
    request = Request(target, model, preset, changes, seed)
    learning = Learning(request, replay, replay_tasks, days, on=on)
    with _watching("learning", as_json) as watch:
        found = flow(learning, command_settings(), watch)
    emit(found, as_json, _show_stages)


@runs_app.callback(invoke_without_command=True)
def runs(context: typer.Context, as_json: Json = False) -> None:
    """List every run, the newest first."""
    from dataclasses import asdict

    from dynosaur_etl.flows.train.fine_tune import runs as flow

    if context.invoked_subcommand is None:
        found = [asdict(line) for line in flow(command_settings())]
        emit({"runs": found}, as_json, _show_runs)


@runs_app.command("show")
def show_one_run(
    run: Annotated[str, typer.Argument(help="Name of a run, or the beginning of it.")],
    as_json: Json = False,
) -> None:
    """Show a run: its plan, its loss curve, what it took and how it was evaluated."""
    from dynosaur_etl.flows.train.fine_tune import show_run

    emit(show_run(run, command_settings()), as_json, _show_run)


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context, as_json: Json = False) -> None:
    """List the models and evaluation sets that packages carry, and where they are fetched."""
    from dataclasses import asdict

    from dynosaur_etl.flows.train.models import list_models

    if context.invoked_subcommand is None:
        found = [asdict(line) for line in list_models(command_settings())]
        emit({"models": found}, as_json, _show_models)


@models_app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="As `models` lists it.")], as_json: Json = False
) -> None:
    """Fetch one into the home, check it, convert it where need be, and print its path."""
    from dynosaur_etl.flows.train.models import fetch_model

    path = fetch_model(name, command_settings(), lambda words: err.print(words, markup=False))
    emit({"name": name, "path": str(path)}, as_json, show_fields)


def _changes(
    epochs: float | None,
    steps: int | None,
    rate: float | None,
    method: str | None,
    longest: int | None,
    device_batch: int | None,
) -> Mapping[str, Any]:
    return {
        "epochs": epochs, "steps": steps, "rate": rate, "method": method, "longest": longest,
        "device_batch": device_batch,
    }  # fmt: skip


@contextmanager
def _watching(words: str, as_json: bool) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Show step and loss while it trains, with the time that is left."""
    with progress_bar(as_json) as start:
        advance = start(words)

        def watch(point: Mapping[str, float]) -> None:
            advance(int(point["step"]), int(point["of"]))

        yield watch


def _show_runs(state: dict[str, Any]) -> None:
    from dynosaur_etl.cli.tables import show_table

    rows = [
        (
            row["name"], row["set_name"], row["model"], row["preset"], row["seed"], row["state"],
            None if row["last_loss"] is None else f"{row['last_loss']:.3f}",
            None if row["hours"] is None else f"{row['hours']:.2f}",
        )
        for row in state["runs"]
    ]  # fmt: skip
    columns = ("run", "set", "model", "preset", "seed", "state", "last loss", "hours")
    show_table(columns, rows)


def _show_run(state: dict[str, Any]) -> None:
    plan, manifest = state["plan"], state["manifest"]
    out.print(f"{state['name']}: {state['path']}", markup=False, soft_wrap=True)
    out.print(
        f"{plan['examples']} examples of {plan['set_name']}, {plan['model']}, preset "
        f"{plan['preset']['name']}, seed {plan['seed']}",
        markup=False,
    )
    losses = [point["loss"] for point in state["curve"]]
    if losses:
        out.print(f"loss {losses[0]:.3f} to {losses[-1]:.3f}  {sparkline(losses)}", markup=False)
    if manifest:
        figures = ", ".join(f"{name} {value:g}" for name, value in manifest["figures"].items())
        out.print(f"{manifest['hours']:.2f} hours on {manifest['device']}: {figures}", markup=False)
    for on, found in state["evaluations"].items():
        out.print(f"on {on}: {metric_words(found['all'])}", markup=False, soft_wrap=True)


def metric_words(found: list[dict[str, Any]]) -> str:
    """Return the means of an evaluation with their intervals, in a line."""
    words = []
    for one in found:
        if "interval" not in one:
            words.append(f"{one['metric']} {one['value']:.4g}")
            continue
        interval = one["interval"]
        mean, low, high = (interval[name] for name in ("mean", "low", "high"))
        words.append(f"{one['metric']} {mean:.3f} [{low:.3f}, {high:.3f}]")
    return ", ".join(words) or "figures of stages; see --json"


def sparkline(values: list[float], width: int = 40) -> str:
    """Return a curve as one line of blocks."""
    blocks = "▁▂▃▄▅▆▇█"
    size = max(1, -(-len(values) // width))
    means = [sum(values[at : at + size]) / size for at in range(0, len(values) - size + 1, size)]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    return "".join(blocks[round((value - low) / span * 7)] for value in means)


def _show_stages(state: dict[str, Any]) -> None:
    from dynosaur_etl.cli.tables import show_table

    rows = [
        (
            row["stage"], row["tasks"], row["examples"], len(row["replayed"]),
            f"{row['test']:.3f}", f"{row['current']:.3f}",
            " / ".join(f"{value:.3f}" for value in row["earlier"]),
        )
        for row in state["stages"]
    ]  # fmt: skip
    columns = ("stage", "tasks", "examples", "replayed", "test", "this stage", "earlier")
    show_table(columns, rows)
    out.print(
        f"nats a token; before {state['before']:.3f}, forgetting {state['forgetting']:+.3f}, "
        f"transfer {state['transfer']:+.3f}"
    )


def _show_models(state: dict[str, Any]) -> None:
    for row in state["models"]:
        place = row["path"] or f"not here; dynosaur models fetch {row['name']}"
        out.print(f"{row['name']}: {row['what']}", markup=False, soft_wrap=True)
        out.print(f"  {place}; {row['licence']}; {row['packages']}", markup=False, soft_wrap=True)
