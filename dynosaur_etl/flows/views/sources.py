"""The sources of the head: whose they are, their licences, their share, withdrawals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.paging import Part, Search, Text, part_of, place
from dynosaur_etl.flows.views.tasks import source_links, words_of
from dynosaur_etl.flows.views.versions import version_folder
from dynosaur_etl.snapshots.sources import read_sources
from dynosaur_etl.store.tables import WithdrawalRow
from dynosaur_etl.store.versions import head_version

_ORDER = ("rank", "dataset", "revision")
_GROUPS_SHOWN = 30


@dataclass(frozen=True)
class _Sources:
    """The sources of a version, the largest first, and their sums."""

    rows: list[dict[str, Any]]
    owners: list[dict[str, Any]]
    licences: list[dict[str, Any]]


class SourceSearch(Search):
    """By what sources are found; what is empty does not matter."""

    owner: Text = ""
    licence: Text = ""
    withdrawn: Literal["", "yes", "no"] = ""


def find_sources(services: Services, search: SourceSearch) -> dict[str, Any]:
    """Give the head's sources, the largest first, and their sums by owner and licence.

    Shares are of the pool's instances, 0 to 1. `version` is None where there is no snapshot.
    """
    withdrawn = withdrawals(services)
    row = head_version(services.engine)
    if row is None:
        return {"version": None, "part": Part([], ""), "withdrawn": list(withdrawn.values())}
    pool = _sources(str(version_folder(services, row)), row.manifest_sha256)
    rows = pool.rows
    chosen = [line for line in rows if _matches(line, search, line["dataset"] in withdrawn)]
    key = place(search.after, (int, str, str))
    if key is not None:
        chosen = [line for line in chosen if tuple(line[name] for name in _ORDER) > key]
    shown = [
        line
        | {"withdrawn": withdrawn.get(line["dataset"])}
        | {"link": source_links(services, line["dataset"], line["revision"])["files"]}
        for line in chosen[: search.size + 1]
    ]
    return {
        "version": row.version,
        "number_of": len(rows),
        "part": part_of(shown, search.size, _ORDER),
        "owners": pool.owners,
        "licences": pool.licences,
        "withdrawn": list(withdrawn.values()),
    }


def withdrawals(services: Services) -> dict[str, dict[str, Any]]:
    """Give the withdrawals in force, by dataset."""
    query = select(WithdrawalRow).where(WithdrawalRow.lifted_on.is_(None))
    with Session(services.engine) as session:
        rows = session.scalars(query.order_by(WithdrawalRow.dataset_id, WithdrawalRow.reason))
        return {
            row.dataset_id: {
                "dataset": row.dataset_id,
                "reason": row.reason,
                "words": _words(row.reason),
                "found_on": row.found_on,
                "detail": row.detail,
            }
            for row in rows
        }


def _words(reason: str) -> str:
    try:
        return words_of(reason)
    except ValueError:
        return reason


@lru_cache(4)
def _sources(folder: str, manifest_sha256: str) -> _Sources:  # noqa: ARG001
    rows = read_sources(Path(folder)).to_pylist()
    whole = sum(row["pool_instances"] for row in rows) or 1
    picked = sum(row["selected_instances"] for row in rows) or 1
    rows.sort(key=lambda row: (-row["pool_instances"], row["dataset"], row["revision"]))
    for row in rows:
        row |= {
            "rank": -row["pool_instances"],
            "owner": row["dataset"].partition("/")[0],
            "share": row["pool_instances"] / whole,
            "selected_share": row["selected_instances"] / picked,
        }
    return _Sources(rows, _grouped(rows, "owner"), _grouped(rows, "licence"))


def _matches(row: dict[str, Any], search: SourceSearch, withdrawn: bool) -> bool:
    return (
        search.owner in ("", row["owner"])
        and (not search.licence or search.licence.lower() in row["licence"].split(", "))
        and search.withdrawn in ("", "yes" if withdrawn else "no")
    )


def _grouped(rows: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Sum up by owner or licence, the largest first; the tail is one line."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        group = found.setdefault(
            row[key],
            {"name": row[key], "sources": 0, "instances": 0, "share": 0.0, "selected": 0.0},
        )
        group["sources"] += 1
        group["instances"] += row["pool_instances"]
        group["share"] += row["share"]
        group["selected"] += row["selected_share"]
    return sorted(found.values(), key=lambda group: (-group["instances"], group["name"]))[
        :_GROUPS_SHOWN
    ]
