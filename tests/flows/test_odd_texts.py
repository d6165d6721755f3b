"""NUL and halves of characters, in names and in cells: what is right beside them is read."""

import json
from collections.abc import Callable

import pytest

from tests.flows.hubs import notes, write_dataset
from tests.flows.odd_hubs import Read, grow

DAY = "2026-10-05"
MOODS = ["calm", "cross", "glad"]


def lines(name: str, odd: str, place: str) -> str:
    """Return JSON lines of a text and a mood; the third text holds what is odd."""
    rows = [
        {
            name: f"Note {n} of {place}, which came {odd if n == 2 else ''}late.",
            "mood": MOODS[n % 3],
        }
        for n in range(30)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def day(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Read:
    home = tmp_path_factory.mktemp("odd")
    hub = home / "hub"
    write_dataset(hub, "a/nul-name", DAY, **{"train.jsonl": lines("no\0te", "", "Oban")})
    write_dataset(hub, "a/half-name", DAY, **{"train.jsonl": lines("no\ud800te", "", "Wick")})
    write_dataset(hub, "a/half-cell", DAY, **{"train.jsonl": lines("note", "\ud800", "Ayr")})
    write_dataset(hub, "a/nul-cell", DAY, **{"train.jsonl": lines("note", "\0", "Troon")})
    named = notes(of="tug").rename_columns(["no\0te", "mood"])
    write_dataset(hub, "a/nul-parquet", DAY, **{"train.parquet": named})
    write_dataset(hub, "a/nul-csv", DAY, **{"train.csv": csv("Leith")})
    return grow(hub, home, make_database(), [DAY])


def csv(place: str) -> bytes:
    """Return a table with a NUL in the name of a column and in one text."""
    rows = [f"Note {n} of {place} came late.,{MOODS[n % 3]}" for n in range(30)]
    return "\n".join(["no\0te,mood", *rows]).replace("Note 2 ", "Note \0 ").encode()


@pytest.mark.parametrize(
    "name", ["a/nul-name", "a/half-name", "a/half-cell", "a/nul-cell", "a/nul-parquet", "a/nul-csv"]
)
def test_rows_are_read_whatever_stands_in_one_of_them(day: Read, name: str) -> None:
    assert day.verdict(name)[0] is None
    assert len(day.instances(name)) >= 8
