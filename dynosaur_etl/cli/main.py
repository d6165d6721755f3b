"""The command line: the flows without Airflow.

Results go to standard output, one JSON object with `--json`; progress and logs to standard error.
Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 somebody has to change something (Terminal),
4 a retry can help (Transient), 5 done in part (something is deferred to the next run).
"""

import errno
import logging
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dynosaur_etl.cli import (
    alert,
    backfill,
    backup,
    batches,
    cost,
    database,
    evaluate,
    grow,
    llm,
    proposals,
    scores,
    select,
    snapshots,
    sources,
    storing,
    system,
    train,
    view,
)
from dynosaur_etl.cli.console import err, log_to_standard_error, out
from dynosaur_etl.cli.context import CommandLine
from dynosaur_etl.cli.exits import EXIT_TERMINAL, EXIT_TRANSIENT
from dynosaur_etl.cli.extras import missing_extra
from dynosaur_etl.domain.errors import DynosaurError, StoreUnavailable, Terminal, Transient

_EXHAUSTED = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
)
"""How a machine says that it has no more room or handles, or may not be written to."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Grow an instruction-tuning set from the Hugging Face Hub, and snapshot the best of it.",
)
app.add_typer(grow.app)
app.add_typer(system.app)
app.add_typer(grow.catalogue_app, name="catalogue")
app.add_typer(database.app, name="db")
app.add_typer(system.ledger_app, name="ledger")
app.add_typer(alert.app, name="alert")
app.add_typer(sources.app)
app.add_typer(backfill.app)
app.add_typer(backup.app)
app.add_typer(cost.app, name="cost")
app.add_typer(proposals.app)
app.add_typer(scores.app)
app.add_typer(llm.app, name="llm")
app.add_typer(batches.app, name="batches")
app.add_typer(select.app)
app.add_typer(snapshots.app)
app.add_typer(view.app)
app.add_typer(storing.app)
app.add_typer(train.app)
app.add_typer(train.runs_app, name="runs")
app.add_typer(train.models_app, name="models")
app.add_typer(evaluate.app)


@app.callback()
def common(
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="Settings file; the environment goes first.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step.")] = False,
) -> None:
    CommandLine.env_file = env_file
    log_to_standard_error(logging.INFO if verbose else logging.WARNING)


def main() -> None:
    """Run the command line; our own errors end it with one line and their exit code."""
    try:
        app()
    except DynosaurError as error:
        _end_with(error)
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if missing is None:
            raise
        _end_with(missing)
    except Exception as error:
        outage = _outage(error)
        if outage is None:
            raise
        _end_with(outage)


def _outage(error: Exception) -> DynosaurError | None:
    """Return the outage of database or machine that an error tells of, wherever it was met."""
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        return StoreUnavailable(f"this machine: {error}")
    if "dynosaur_etl.store.database" not in sys.modules:
        return None  # nothing has asked a database; its packages may not even be installed
    from dynosaur_etl.store.database import outage_words

    why = outage_words(error)
    return None if why is None else StoreUnavailable(f"database: {why}")


def _end_with(error: DynosaurError) -> NoReturn:
    kind = type(error).__name__
    if "--json" in sys.argv[1:]:
        out.print_json(data={"error": {"kind": kind, "message": str(error)}})
    err.print(f"{kind}: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(_exit_code(error)) from None


def _exit_code(error: DynosaurError) -> int:
    if isinstance(error, Transient):
        return EXIT_TRANSIENT
    return EXIT_TERMINAL if isinstance(error, Terminal) else 1
