"""What the command line prints: results on standard output, progress and logs on standard error."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.domain.redaction import redact

State = TypeVar("State")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]

out = Console(emoji=False)
err = Console(stderr=True, emoji=False)


class RedactingFormatter(logging.Formatter):
    """Writes records without the secrets of the addresses in them, traces included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def log_to_standard_error(level: int) -> None:
    """Let every log of this process go to standard error."""
    handler = logging.StreamHandler()
    words = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handler.setFormatter(RedactingFormatter(words))
    logging.basicConfig(level=level, handlers=[handler])


@contextmanager
def progress_bar(as_json: bool) -> Iterator[Callable[[str], Callable[[int, int | None], None]]]:
    columns = (
        TextColumn("{task.description:20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=as_json or not err.is_terminal) as bar:

        def start(words: str) -> Callable[[int, int | None], None]:
            task = bar.add_task(words, total=None)

            def advance(done: int, of: int | None) -> None:
                bar.update(task, completed=done, total=of)

            return advance

        yield start


def emit(state: State, as_json: bool, show: Callable[[State], None]) -> None:
    if as_json:
        out.print_json(data=to_json(state))
    else:
        show(state)


def show_fields(state: Any) -> None:
    for name, value in to_json(state).items():
        out.print(f"{name}: {value}", markup=False, soft_wrap=True)
