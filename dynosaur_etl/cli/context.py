"""What commands share: the settings file that was named, the services, the days."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from dynosaur_etl.flows.runtime.services import Services

Day = Annotated[
    str, typer.Option("--day", help="Growth day as YYYY-MM-DD (UTC); default: yesterday.")
]
First = Annotated[str, typer.Option("--from", help="First of several days, in place of --day.")]
Last = Annotated[str, typer.Option("--to", help="Last of several days; default: yesterday.")]


class CommandLine:
    """What was named before the command: the settings file, if any."""

    env_file: Path | None = None


def command_settings() -> Settings:
    return load_settings(CommandLine.env_file)


@contextmanager
def open_command_database() -> Iterator["Engine"]:
    """Yield the database alone, whatever its tables are."""
    from dynosaur_etl.store.database import connect, database_url

    engine = connect(database_url(command_settings()))
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def open_command_services() -> Iterator["Services"]:
    from dynosaur_etl.flows.runtime.services import open_services

    with open_services(command_settings()) as opened:
        yield opened


def parse_day(text: str) -> GrowthDay:
    if text:
        return GrowthDay.parse(text)
    return GrowthDay((datetime.now(UTC) - timedelta(days=1)).date())


def parse_days(day: str, first: str, last: str) -> list[GrowthDay]:
    """Give the days that a command is about, oldest first."""
    if not first and not last:
        return [parse_day(day)]
    if day or not first:
        given = " ".join(name for name, text in (("--day", day), ("--to", last)) if text)
        raise InvalidInput(
            not_allowed("days", given, "--day alone, or --from with or without --to")
        )
    start, end = GrowthDay.parse(first), parse_day(last)
    if end < start:
        raise InvalidInput(not_allowed("days", f"{start} to {end}", "--from no later than --to"))
    number = (end.date - start.date).days + 1
    return [GrowthDay(start.date + timedelta(days=after)) for after in range(number)]
