"""A day of sets of many sources: rows under another licence or in another language stay out."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from tests.flows.hubs import CARD, write_dataset
from tests.flows.odd_hubs import Read, grow

DAY = "2026-10-05"
SAID = {
    "en": "The boat number {n} left the harbour at noon and came back late in the evening.",
    "de": "Das Boot Nummer {n} verließ mittags den Hafen und kam erst spät am Abend zurück.",
}
LICENCES = ["mit", "cc-by-nc-4.0", "apache-2.0", "other"]


def notes(rows: int = 40) -> dict[str, list[str]]:
    return {
        "note": [SAID["en"].format(n=n) for n in range(rows)],
        "mood": [["calm", "cross"][n % 2] for n in range(rows)],
    }


def talk(n: int, words: str, place: str) -> list[dict[str, str]]:
    asked = {"role": "user", "content": f"What of number {n} in {place}?"}
    return [asked, {"role": "assistant", "content": words.format(n=n)}]


@pytest.fixture(scope="module")
def day(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Read:
    home = tmp_path_factory.mktemp("marks")
    rows = range(40)
    licences = [LICENCES[n % 4] for n in rows]
    write_dataset(
        home / "hub", "a/many-sources", DAY,
        **{"train.parquet": pa.table({**notes(), "license": licences})},
    )  # fmt: skip
    talks = [talk(n, SAID["en"], "Oban") for n in rows]
    write_dataset(
        home / "hub", "a/many-talks", DAY,
        **{"train.parquet": pa.table({"messages": talks, "license": licences})},
    )  # fmt: skip
    several = CARD.format(name="a/two-tongues").replace("language: en", "language: multilingual")
    mixed = [talk(n, SAID["de" if n % 4 == 0 else "en"], "Wick") for n in rows]
    write_dataset(
        home / "hub", "a/two-tongues", DAY, several,
        **{"train.parquet": pa.table({"messages": mixed})},
    )  # fmt: skip
    return grow(home / "hub", home, make_database(), [DAY], DYNOSAUR_INSTANCES_PER_TASK="40")


def refused(day: Read, name: str) -> set[tuple[str, int]]:
    """Return how many rows of a dataset's tasks were refused for what they name, by the reason."""
    found = day.query(
        "select reason, number, subject from rejections where stage = 'fill' and reason in"
        " ('licence_not_allowed', 'language_not_allowed')"
    )
    keys = {row[0] for row in day.query(f"select key from tasks where dataset_id = '{name}'")}  # noqa: S608
    return {(reason, number) for reason, number, subject in found if subject in keys}


@pytest.mark.parametrize("name", ["a/many-sources", "a/many-talks"])
def test_rows_under_another_licence_are_not_taught(day: Read, name: str) -> None:
    taught = day.instances(name)
    assert len(taught) >= 20
    assert {LICENCES[row["row"] % 4] for row in taught} == {"mit", "apache-2.0"}
    assert refused(day, name) == {("licence_not_allowed", 20)}


def test_rows_in_another_language_are_not_taught(day: Read) -> None:
    taught = day.instances("a/two-tongues")
    assert len(taught) == 30
    assert all("boat" in row["output"] for row in taught)
    assert refused(day, "a/two-tongues") == {("language_not_allowed", 10)}
