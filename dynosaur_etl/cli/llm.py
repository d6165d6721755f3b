"""The commands about models: a trial of another one beside the one in use."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, out, progress_bar
from dynosaur_etl.cli.context import open_command_services
from dynosaur_etl.cli.exits import EXIT_DEFERRED
from dynosaur_etl.cli.tables import show_table
from dynosaur_etl.domain.redaction import redact

if TYPE_CHECKING:
    from dynosaur_etl.domain.trials import ModelResult

app = typer.Typer(no_args_is_help=True, help="Models that propose tasks.")

_FIGURES = (
    "requests", "answered", "refused", "deferred", "valid", "invalid", "prompt_tokens",
    "completion_tokens", "reasoning_tokens", "cost_usd", "per_1000_valid_usd",
)  # fmt: skip


@app.callback()
def about() -> None:
    """Models that propose tasks."""


@app.command()
def trial(
    model: Annotated[str, typer.Option("--model", help="Model to be tried.")],
    configs: Annotated[int, typer.Option("--configs", min=1, help="Most configs to ask of.")] = 50,
    as_json: Json = False,
) -> None:
    """Ask another model about stored configs, and compare it with the model in use.

    The requests are paid, within the budgets; what is answered is not paid again.
    """
    from dynosaur_etl.flows.propose.trial import try_model

    with open_command_services() as services, progress_bar(as_json) as progress:
        found = try_model(model, configs, services, progress("asking"))
    state = {
        "server": redact(found.server),
        "configs": found.configs,
        "models": [_row(found.old), _row(found.new)],
        "found_by_both": found.found_by_both,
    }
    emit(state, as_json, _show_trial)
    if found.new.deferred:
        raise typer.Exit(EXIT_DEFERRED)


def _row(result: "ModelResult") -> dict[str, Any]:
    figures = {name: getattr(result, name) for name in _FIGURES}
    return {"model": result.model, **figures, "reasons": dict(result.reasons)}


def _show_trial(state: dict[str, Any]) -> None:
    old, new = state["models"]
    names = [name.replace("_", " ") for name in _FIGURES]
    rows: list[tuple[object, ...]] = [
        (words, _shown(old[name]), _shown(new[name]))
        for words, name in zip(names, _FIGURES, strict=True)
    ]
    rows += [
        (reason, old["reasons"].get(reason, 0), new["reasons"].get(reason, 0))
        for reason in sorted({*old["reasons"], *new["reasons"]})
    ]
    show_table(("figure", old["model"], new["model"]), rows)
    out.print(
        f"{state['configs']} configs at {state['server']}; both found {state['found_by_both']}"
        " tasks with the same fields",
        markup=False,
        soft_wrap=True,
    )


def _shown(value: object) -> object:
    return "unknown" if value is None else value
