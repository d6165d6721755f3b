"""The candidates of a day: real changes only, no more of one owner than a day may take."""

from pathlib import Path

from tests.flows.hubs import CARD, add_commit, notes, write_dataset
from tests.flows.polls import poll, polling, rows

FIRST, SECOND, THIRD, FOURTH = (f"2026-09-0{number}" for number in (1, 2, 3, 4))


def test_a_commit_that_touches_nothing_is_no_change(database_url: str, tmp_path: Path) -> None:
    root = tmp_path / "hub"
    root.mkdir()
    write_dataset(root, "reed/tides", FIRST, default__train_dot_parquet=notes())
    add_commit(root, "reed/tides", SECOND)
    add_commit(root, "reed/tides", THIRD, card=CARD.format(name="reed/tides") + "More.\n")
    with polling(root, database_url, tmp_path) as services:
        for day in (FIRST, SECOND, THIRD):
            poll(services, day)
        assert rows(services, "select day, reason from verdicts order by day") == [
            (FIRST, None),
            (SECOND, "unchanged"),
            (THIRD, None),
        ]
        assert services.hub.requests["commits"] == 1
        first, second, _ = rows(services, "select revision, detail from verdicts order by day")
        assert second[1] == f"the same files as at {first[0][:12]}"


def test_an_owner_waits_for_the_days_that_can_take_him(database_url: str, tmp_path: Path) -> None:
    root = tmp_path / "hub"
    root.mkdir()
    for number in range(5):
        facts = {"downloads": 10 * number}
        write_dataset(root, f"reed/s{number}-set", FIRST, facts=facts, d__t_dot_parquet=notes())
    write_dataset(
        root, "reed/closed", FIRST, facts={"gated": "manual", "downloads": 99}
    )  # takes no place
    write_dataset(root, "wren/own", FIRST, d__t_dot_parquet=notes())
    write_dataset(
        root, "reed/late", SECOND, facts={"downloads": 15}, d__t_dot_parquet=notes(of="ferry")
    )
    with polling(root, database_url, tmp_path, DYNOSAUR_DATASETS_PER_OWNER="2") as services:
        _, candidates, examined = poll(services, FIRST)
        assert (candidates.counts.taken, candidates.counts.kept) == (7, 4)
        assert (candidates.counts.deferred, candidates.unfinished) == (3, 0)
        assert examined.counts.kept == 3
        assert rows(services, "select dataset_id, cap from deferred_candidates order by 1") == [
            ("reed/s0-set", "owner"),
            ("reed/s1-set", "owner"),
            ("reed/s2-set", "owner"),
        ]
        asked = services.hub.requests.total()
        assert poll(services, FIRST)[1:] == [candidates, examined]
        assert services.hub.requests.total() == asked, "a rerun took what waits"
        for day in (SECOND, THIRD, FOURTH):
            poll(services, day)
        query = (
            "select day, dataset_id, deferred_from from candidates where day > '{}' order by 1, 2"
        )
        assert rows(services, query.format(FIRST)) == [
            (SECOND, "reed/late", None),
            (SECOND, "reed/s2-set", FIRST),
            (THIRD, "reed/s0-set", FIRST),
            (THIRD, "reed/s1-set", FIRST),
        ]
        assert (
            rows(services, "select dataset_id from verdicts group by 1 having count(*) > 1") == []
        )
        assert rows(services, "select count(*) from verdicts where reason is null") == [(7,)]


def test_what_changed_while_it_waited_is_taken_once_as_it_is_now(
    database_url: str, tmp_path: Path
) -> None:
    root = tmp_path / "hub"
    root.mkdir()
    for name in ("a/tide-1", "b/tide-2"):
        write_dataset(root, name, FIRST, d__t_dot_parquet=notes())
    add_commit(root, "b/tide-2", SECOND, card=CARD.format(name="b/tide-2") + "More.\n")
    with polling(root, database_url, tmp_path, DYNOSAUR_DATASETS_PER_FAMILY="1") as services:
        for day in (FIRST, SECOND, THIRD):
            poll(services, day)
        assert rows(services, "select dataset_id, cap from deferred_candidates") == [
            ("b/tide-2", "family")
        ]
        found = rows(services, "select day, dataset_id, deferred_from from candidates order by 1")
        assert found == [(FIRST, "a/tide-1", None), (SECOND, "b/tide-2", None)]
