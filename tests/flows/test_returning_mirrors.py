"""A mirror is judged anew, and kept, once the dataset that it mirrors may be used no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.upkeep.audit import readmit, withdraw
from tests.flows.hubs import CARD, add_commit, notes, write_dataset
from tests.flows.polls import poll, polling, rows

FIRST, SECOND, THIRD, FOURTH, FIFTH = (f"2026-09-0{number}" for number in range(1, 6))
TWO_CONFIGS = CARD.format(name="d/half").replace(
    "license: mit",
    "license: mit\nconfigs:\n"
    "- {config_name: old, data_dir: old}\n"
    "- {config_name: new, data_dir: new}",
)
FOUND = "select dataset_id, deferred_from from candidates where day = '{}' order by 1"
VERDICTS = "select dataset_id, reason, detail from verdicts where day = '{}' order by 1"


def write_hub(root: Path) -> Path:
    """Write two sets, a day later their mirrors, one in one of two configs, and one of its own."""
    root.mkdir()
    write_dataset(root, "m/first", FIRST, train_dot_parquet=notes())
    write_dataset(root, "m/other", FIRST, train_dot_parquet=notes(of="ferry"))
    write_dataset(root, "a/copied", SECOND, train_dot_parquet=notes())
    later = {"created_at": f"{SECOND}T13:00:00Z"}
    write_dataset(root, "b/again", SECOND, facts=later, train_dot_parquet=notes())
    write_dataset(root, "c/ferry", SECOND, train_dot_parquet=notes(of="ferry"))
    parts = {"old__t_dot_parquet": notes(), "new__t_dot_parquet": notes(of="canoe")}
    write_dataset(root, "d/half", SECOND, TWO_CONFIGS, facts=later, **parts)
    write_dataset(root, "z/unlike", THIRD, train_dot_parquet=notes(of="kayak"))
    return root


@contextmanager
def mirrored(root: Path, url: str, home: Path) -> Iterator[Services]:
    with polling(root, url, home) as services:
        poll(services, FIRST)
        poll(services, SECOND)
        yield services


def reasons(services: Services, day: str) -> dict[str, str | None]:
    return {name: reason for name, reason, _ in rows(services, VERDICTS.format(day))}


def a_day(text: str) -> date:
    return date.fromisoformat(text)


def test_mirrors_of_a_withdrawn_set_come_back_on_the_day_of_its_withdrawal(
    database_url: str, tmp_path: Path
) -> None:
    root = write_hub(tmp_path / "hub")
    add_commit(root, "m/first", FOURTH, CARD.format(name="m/first") + "More.\n")
    with mirrored(root, database_url, tmp_path) as services:
        out = {"a/copied": "mirror", "b/again": "mirror", "c/ferry": "mirror", "d/half": None}
        assert reasons(services, SECOND) == out
        third = poll(services, THIRD)
        assert reasons(services, THIRD) == {"z/unlike": None}
        withdraw("m/first", "its author asked us to", a_day(FOURTH), services)
        asked = services.hub.requests.total()
        assert poll(services, THIRD)[1:] == third[1:]
        assert services.hub.requests.total() == asked, "a finished day was looked at again"
        poll(services, FOURTH)
        assert rows(services, FOUND.format(FOURTH)) == [
            ("a/copied", SECOND),
            ("b/again", SECOND),
            ("d/half", SECOND),
            ("m/first", None),
        ]
        words = "the rows of a/copied, config default"
        assert rows(services, VERDICTS.format(FOURTH))[:2] == [
            ("a/copied", None, ""),
            ("b/again", "mirror", words),
        ]
        poll(services, FIFTH)
        assert rows(services, FOUND.format(FIFTH)) == [], "what has come back came once more"


def test_a_day_that_is_examined_anew_says_the_same(database_url: str, tmp_path: Path) -> None:
    with mirrored(write_hub(tmp_path / "hub"), database_url, tmp_path) as services:
        withdraw("m/first", "its author asked us to", a_day(FOURTH), services)
        poll(services, FOURTH)
        days = (SECOND, FOURTH)
        before = [rows(services, VERDICTS.format(day)) for day in days]
        again = services.settings.model_copy(update={"stream_seconds": 77})
        with open_services(again) as anew:
            for day in days:
                poll(anew, day)
            assert anew.hub.requests.total() > 0, "nothing was examined"
        assert [rows(services, VERDICTS.format(day)) for day in days] == before


def test_mirrors_come_back_the_day_after_the_older_set_is_rejected(
    database_url: str, tmp_path: Path
) -> None:
    root = write_hub(tmp_path / "hub")
    closed = CARD.format(name="m/first").replace("license: mit", "license: cc-by-nc-4.0")
    add_commit(root, "m/first", THIRD, closed)
    write_dataset(root, "e/late", THIRD, train_dot_parquet=notes())
    with mirrored(root, database_url, tmp_path) as services:
        out = {"e/late": "mirror", "m/first": "licence_not_allowed", "z/unlike": None}
        for stream_seconds in (77, 78):
            changed = services.settings.model_copy(update={"stream_seconds": stream_seconds})
            with open_services(changed) as anew:
                poll(anew, THIRD)
            assert reasons(services, THIRD) == out
        poll(services, FOURTH)
        mirrors = dict.fromkeys(("b/again", "e/late"), "mirror")
        expected = {"a/copied": None, **mirrors, "d/half": None}
        assert reasons(services, FOURTH) == expected


def test_a_withdrawal_that_was_lifted_lets_nothing_back(database_url: str, tmp_path: Path) -> None:
    with mirrored(write_hub(tmp_path / "hub"), database_url, tmp_path) as services:
        withdraw("m/first", "by mistake", a_day(SECOND), services)
        readmit("m/first", a_day(THIRD), services)
        poll(services, THIRD)
        assert reasons(services, THIRD) == {"z/unlike": None}
