"""Several ways to select from one file beside one another, at equal rows and at equal tokens."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import InvalidInput, StoreUnavailable, not_allowed
from dynosaur_etl.flows.select.file.output import new_folder
from dynosaur_etl.flows.select.file.points import FilePoints, check_needs, read_points
from dynosaur_etl.flows.select.file.request import FileRequest
from dynosaur_etl.flows.select.file.vectorising import (
    Progress,
    Similarity,
    read_similarity,
    silent,
)
from dynosaur_etl.selection import METHODS, GroundSet, Specification, select_by
from dynosaur_etl.selection.assessment.comparison import Assessment, assess, overlaps, tokens_of
from dynosaur_etl.selection.assessment.comparison_report import Entry, comparison_page

_AT = "@"


@dataclass(frozen=True)
class Contender:
    """One entry of a comparison: a method, and the similarity that it goes by.

    Attributes:
        name: as it was asked for: `METHOD` or `METHOD@SIMILARITY`.
        method: a name of `METHODS`.
        similarity: None for that of the request.
    """

    name: str
    method: str
    similarity: Similarity | None


@dataclass(frozen=True)
class FileComparison:
    """What a comparison found.

    Attributes:
        input: name of the file.
        path: folder that was written.
        rows: how many were read, left out and eligible.
        notes: what was left out or not seen, each in a sentence.
        parameters: what all entries have in common: columns, rules, similarity and target.
        groups: figures of each entry by its name, by what the entries have in common in words.
        overlaps: rows in common of each two entries, by the same words.
    """

    input: str
    path: str
    rows: Mapping[str, int]
    notes: tuple[str, ...]
    parameters: Mapping[str, Any]
    groups: Mapping[str, Mapping[str, Assessment]]
    overlaps: Mapping[str, list[list[float]]]


def read_contenders(words: str) -> list[Contender]:
    """Read names with commas between them.

    Raises:
        InvalidInput: a method or a similarity has no such name, or an entry is there twice.
    """
    names = [name.strip() for name in words.split(",") if name.strip()]
    if len(names) < 2 or len(set(names)) < len(names):
        raise InvalidInput(not_allowed("--compare", words, "two methods or more, each once"))
    return [_contender(name) for name in names]


def _contender(name: str) -> Contender:
    method, at, similarity = name.partition(_AT)
    if method not in METHODS:
        raise InvalidInput(not_allowed("method of --compare", method, METHODS.keys()))
    return Contender(name, method, read_similarity(similarity) if at else None)


def compare_file(
    source: Path,
    request: FileRequest,
    contenders: Sequence[Contender],
    target: Path,
    embedding: Progress = silent,
    selecting: Progress = silent,
) -> FileComparison:
    """Select in several ways from a file, and write what they have in common and what not.

    Every entry selects as many rows as asked for, and again as many tokens as the rows of the
    first entry have, where lengths are known. All figures go by the similarity of the request.
    `target` gets `compared.parquet` (entry, rank, row, gain, coverage), `report.json` and
    `report.html`.

    Raises:
        InvalidInput: as for `select_file`, or a method lacks what it needs.
        StoreUnavailable: there is no room for what is written.
    """
    request.check()
    with new_folder(target) as folder:
        read = read_points(source, request, embedding)
        _check(read, contenders)
        points = read.ground_set(read.similarity)
        groups = _entries(read, points, contenders, request.specification, selecting)
        found = _described(source, target, request, read, groups)
        _write(folder, read, points, groups, found)
    return found


def _check(read: FilePoints, contenders: Sequence[Contender]) -> None:
    for contender in contenders:
        check_needs(contender.method, read.rows, read.target)
        for vectors in filter(None, (read.own, read.target)):
            vectors.check(contender.similarity or read.similarity)


def _entries(
    read: FilePoints,
    points: GroundSet,
    contenders: Sequence[Contender],
    specification: Specification,
    progress: Progress,
) -> dict[str, list[Entry]]:
    """All entries by what is equal among them."""
    progress(0, len(contenders))
    equal = "equal budget" if specification.k is None else f"equal rows: {specification.k:,}"
    groups = {equal: [_entry(read, points, one, specification) for one in contenders]}
    progress(len(contenders), len(contenders))
    tokens = tokens_of(points.lengths, groups[equal][0].selection.order)
    if tokens is None or specification.k is None:
        return groups
    by_tokens = replace(specification, k=None, budget=tokens)
    priced = replace(points, costs=np.asarray(points.lengths))
    found = [_entry(read, priced, one, by_tokens) for one in contenders]
    return groups | {f"equal tokens: {tokens:,}": found}


def _entry(
    read: FilePoints, points: GroundSet, contender: Contender, specification: Specification
) -> Entry:
    by = points
    if contender.similarity is not None:
        own = read.ground_set(contender.similarity)
        by = replace(points, embeddings=own.embeddings, target=own.target)
    selection = select_by(contender.method, by, specification)
    return Entry(contender.name, selection, assess(points, selection, specification.seed))


def _described(
    source: Path,
    target: Path,
    request: FileRequest,
    read: FilePoints,
    groups: Mapping[str, Sequence[Entry]],
) -> FileComparison:
    rows = {"read": read.table.num_rows, "left_out": read.left_out, "eligible": len(read.rows)}
    figures = {
        title: {entry.name: entry.assessment for entry in entries}
        for title, entries in groups.items()
    }
    common = {
        title: overlaps([entry.selection.order for entry in entries]).round(4).tolist()
        for title, entries in groups.items()
    }
    parameters = _common(request, read)
    return FileComparison(source.name, str(target), rows, read.notes, parameters, figures, common)


def _common(request: FileRequest, read: FilePoints) -> dict[str, Any]:
    """What all entries go by, as far as it was named or chosen."""
    rules = request.specification
    columns = {f"column of {name}": column for name, column in asdict(read.columns).items()}
    named = {
        "k": rules.k,
        "budget": rules.budget,
        "most of a group": rules.group_cap,
        "target": None if request.target is None else request.target.name,
        "embedder": request.model,
    }
    mixed = " + ".join(f"{weight:g} {name}" for name, weight in read.similarity.parts)
    chosen = {"alpha": rules.alpha, "mode": rules.mode, "seed": rules.seed, "similarity": mixed}
    known = {name: value for name, value in (named | columns).items() if value is not None}
    return known | chosen


def _write(
    folder: Path,
    read: FilePoints,
    points: GroundSet,
    groups: Mapping[str, Sequence[Entry]],
    found: FileComparison,
) -> None:
    stated = {name: value for name, value in asdict(found).items() if name != "path"}
    rows = {f"rows {name.replace('_', ' ')}": count for name, count in found.rows.items()}
    notes = {"notes": "; ".join(found.notes)} if found.notes else {}
    facts = {"input": found.input} | rows | dict(found.parameters) | notes
    page = comparison_page(groups, points.embeddings, facts)
    try:
        pq.write_table(_picks(read, groups), folder / "compared.parquet", compression="zstd")
        (folder / "report.json").write_text(json.dumps(stated, indent=1), encoding="utf-8")
        (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as e:
        raise StoreUnavailable(f"the comparison could not be written: {e}") from e


def _picks(read: FilePoints, groups: Mapping[str, Sequence[Entry]]) -> pa.Table:
    tables = []
    for title, entries in groups.items():
        for entry in entries:
            picks = entry.selection
            columns: dict[str, Any] = {
                "equal": [title] * len(picks),
                "entry": [entry.name] * len(picks),
                "rank": np.arange(len(picks)),
                "row": read.rows.at[picks.order],
                "gain": picks.gain,
                "coverage": picks.coverage,
            }
            tables.append(pa.table(columns))
    return pa.concat_tables(tables)
