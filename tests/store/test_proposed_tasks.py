"""Proposals found by filters and from a place on, and one with the task that it became."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from dynosaur_etl.store.database import connect
from dynosaur_etl.store.facts.proposed_tasks import (
    ProposalFilter,
    ProposalPlace,
    find_proposal,
    find_task,
    list_proposals,
    task_sources,
)
from tests.store import factories as make
from tests.store.factories import DAY, NEXT_DAY, put


@pytest.fixture(scope="module")
def engine(make_database) -> Iterator[Engine]:  # noqa: ANN001 - the fixture of tests/conftest.py
    opened = connect(make_database())
    put(
        opened,
        make.revision("owner/a"),
        make.revision("owner/b", licences=["odbl", "mit"]),
        make.proposal("owner/a", "r1", 0, task_key="t1"),
        make.proposal("owner/a", "r1", 1, mode="unaware", reason="output_missing"),
        make.proposal("owner/b", "r2", 0, reason="field_unknown", payload=[]),
        make.proposal("owner2/c", "r3", 0, payload=["no object"], reason="answer_wrong_shape"),
        make.proposal("owner/a", "r4", 0, day=NEXT_DAY, payload=[{"instruction": 7}]),
        make.task("owner/a", "t1"),
    )
    yield opened
    opened.dispose()


ALL = [
    (NEXT_DAY, "owner/a", "r4", 0),
    (DAY, "owner/a", "r1", 0),
    (DAY, "owner/a", "r1", 1),
    (DAY, "owner/b", "r2", 0),
    (DAY, "owner2/c", "r3", 0),
]


def places(
    engine: Engine, wanted: ProposalFilter, after: ProposalPlace | None = None, most: int = 99
) -> list[ProposalPlace]:
    found = list_proposals(engine, wanted, after, most)
    return [(row.day, row.dataset, row.request_key, row.position) for row in found]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ProposalFilter(), ALL),
        (ProposalFilter(words="MOOD note"), ALL[1:3]),
        (ProposalFilter(words="mood of nothing"), []),
        (ProposalFilter(source="owner/"), ALL[:4]),
        (ProposalFilter(source="owner"), []),
        (ProposalFilter(source="owner/b"), ALL[3:4]),
        (ProposalFilter(source="owner_/"), []),
        (ProposalFilter(licence="ODBL"), ALL[3:4]),
        (ProposalFilter(licence="mit"), ALL[1:4]),
        (ProposalFilter(mode="unaware"), ALL[2:3]),
        (ProposalFilter(kept=True), ALL[:2]),
        (ProposalFilter(kept=False), ALL[2:]),
        (ProposalFilter(reason="field_unknown"), ALL[3:4]),
        (ProposalFilter(day=NEXT_DAY), ALL[:1]),
        (ProposalFilter(day=NEXT_DAY, kept=False), []),
    ],
)
def test_each_filter_leaves_what_it_names(
    engine: Engine, wanted: ProposalFilter, expected: list[ProposalPlace]
) -> None:
    assert places(engine, wanted) == expected


def test_a_list_goes_on_after_any_place_of_it(engine: Engine) -> None:
    for number, place in enumerate(ALL):
        assert places(engine, ProposalFilter(), place) == ALL[number + 1 :]
    assert places(engine, ProposalFilter(), ALL[0], most=2) == ALL[1:3]


def test_what_is_no_instruction_reads_as_none(engine: Engine) -> None:
    found = list_proposals(engine, ProposalFilter(), None, 99)
    assert [row.instruction for row in found] == [
        "", "Decide in which mood the note was written.",
        "Decide in which mood the note was written.", "", "",
    ]  # fmt: skip
    assert [row.licences for row in found] == [(), ("mit",), ("mit",), ("odbl", "mit"), ()]


def test_one_proposal_leads_to_its_task(engine: Engine) -> None:
    found = find_proposal(engine, DAY, "r1", 0)
    assert found is not None
    assert found.task_key == "t1"
    task = find_task(engine, DAY, "t1")
    assert task is not None
    assert (task.input_fields, task.label_space) == (("note",), ("glad", "sad"))
    assert find_task(engine, NEXT_DAY, "t1") is None
    assert find_proposal(engine, DAY, "r1", 2) is None
    assert task_sources(engine) == {"owner/a"}
