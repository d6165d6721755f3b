"""A database that is lost anywhere in a command ends it with code 4 and one line."""

import contextlib
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event, make_url

from dynosaur_etl.cli.exits import EXIT_TRANSIENT
from dynosaur_etl.cli.main import main
from tests.flows.versioned import DAYS, Grown, build

COMMANDS = (
    ("status",), ("snapshots",), ("show", "1"), ("verify", "1", "--deep"), ("verify", "--store"),
    ("repair",), ("gc", "--older-than", "0"), ("ledger", "audit"), ("cost",), ("validity",),
    ("scores",), ("batches",), ("db", "upgrade"), ("restore", "1"), ("rollback", "1"),
    ("poll", "--day", DAYS[0]), ("grow", "--day", DAYS[0]), ("snapshot", "-k", "7"),
    ("where", "reed/lake"), ("publish", "1", "--to", "{home}/public"),
)  # fmt: skip
MOMENTS = 5


class Losing:
    """Cuts every connection of a database, and lets nobody in again, at the nth statement."""

    def __init__(self, url: str, nth: int | None) -> None:
        self.name = str(make_url(url).database)
        self.host = str(make_url(url).query["host"])
        self.nth, self.numbers, self.seen = nth, count(1), 0

    def __call__(self, *_: object) -> None:
        self.seen = next(self.numbers)
        if self.seen == self.nth:
            self.serve(False)

    def serve(self, allowed: bool) -> None:
        with psycopg.connect(host=self.host, user="postgres", autocommit=True) as admin:
            words = "true" if allowed else "false"
            admin.execute(f'alter database "{self.name}" with allow_connections {words}')  # type: ignore[arg-type]
            if not allowed:
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
                    [self.name],
                )

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        event.listen(Engine, "before_cursor_execute", self)
        try:
            yield
        finally:
            event.remove(Engine, "before_cursor_execute", self)
            self.serve(True)


def code_of(words: tuple[str, ...], values: dict[str, str]) -> int:
    """Run a command in this process and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("DYNOSAUR_", "OPENAI_"))]:
            patch.delenv(name)
        for name, value in values.items():
            patch.setenv(name, value)
        arguments = [word.format(home=values["DYNOSAUR_HOME"]) for word in words]
        patch.setattr("sys.argv", ["dynosaur", *arguments])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_moment_of_each_command(
    words: tuple[str, ...], grown: Grown, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    del tmp_path
    url = grown.values["DYNOSAUR_DATABASE_URL"]
    services = grown.services()
    build(services)
    services.engine.dispose()
    whole = Losing(url, None)
    with whole.watching():
        assert code_of(words, grown.values) == 0, capsys.readouterr().err
    assert whole.seen >= 3
    for moment in {1 + at * (whole.seen - 1) // (MOMENTS - 1) for at in range(MOMENTS)}:
        losing = Losing(url, moment)
        with losing.watching():
            code = code_of(words, grown.values)
        told = capsys.readouterr().err
        if losing.seen < moment:  # what was done already asks less
            continue
        assert code == EXIT_TRANSIENT, (moment, whole.seen, told)
        assert "StoreUnavailable: " in told
        assert "Traceback" not in told
