"""The dataset card: YAML for the Hub, and the honest account of how the set came about."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml  # type: ignore[import-untyped]
from jinja2 import Environment, StrictUndefined

from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.reasons import REASON_WORDS
from dynosaur_etl.snapshots.authors import models_of, terms_of
from dynosaur_etl.snapshots.card_metadata import card_metadata
from dynosaur_etl.snapshots.citations import METHODS
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.diff import RowsMoved, SnapshotDiff
from dynosaur_etl.snapshots.figures import FUNNEL
from dynosaur_etl.snapshots.layout import CONFIGS, FUNNEL_FIGURE, GROWTH_FIGURE, QUALITY_FIGURE
from dynosaur_etl.snapshots.licences import OBLIGATIONS, Obligation, carries
from dynosaur_etl.snapshots.manifest import Manifest
from dynosaur_etl.snapshots.markdown import Markdown, escaped, link

SOURCES_LISTED = 200
NAMES_LISTED = 10

_WORDS = {str(reason): Markdown(words) for reason, words in REASON_WORDS.items()}
_HOLDS = {
    "default": "the training set, in selection order",
    "full": "the whole pool, without the held-out tasks",
    "sources": "each source at its revision, with licence, link and numbers",
    "tasks": "the instruction tasks of the pool",
    "preferences": "prompt, chosen and rejected answer of the rows that have both",
    "selection": "rank, gain, quality and coverage of each selected instance",
    "rejects": "what was left out, with the reason",
}

Row = Mapping[str, Any]


def render_card(
    manifest: Manifest,
    content: SnapshotContent,
    changes: SnapshotDiff,
    arrow_bytes: Mapping[str, int],
) -> str:
    """Write the card.

    Args:
        manifest: with every file but the card itself.
        content: what the snapshot holds.
        changes: what `diff` gave.
        arrow_bytes: size in memory of each config that has rows.
    """
    title = f"Dynosaur instructions, version {manifest.version}"
    metadata = card_metadata(title, manifest, content, arrow_bytes)
    front = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=10_000)
    text = (
        _environment()
        .from_string(_template())
        .render(
            title=title,
            manifest=manifest,
            held_out=content.held_out.num_rows,
            methods=Markdown(METHODS),
            figures={
                "growth": Markdown(GROWTH_FIGURE),
                "funnel": Markdown(FUNNEL_FIGURE),
                "quality": Markdown(QUALITY_FIGURE),
            },
            configs=[
                {
                    "name": config.name,
                    "rows": manifest.rows_of(config),
                    "holds": _HOLDS[config.name],
                }
                for config in CONFIGS
                if config.name in arrow_bytes
            ],
            **_figures(content, changes),
        )
    )
    return f"---\n{front}---\n\n{text}"


def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - `finalize` escapes every value, for Markdown
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = lambda number: Markdown(f"{number:,}")
    environment.filters["percent"] = lambda share: Markdown(f"{share:.1%}")
    environment.filters["decimal"] = lambda number: Markdown(f"{number:.4f}")
    return environment


def _template() -> str:
    folder = files("dynosaur_etl.snapshots")
    return folder.joinpath("card.md.jinja").read_text(encoding="utf-8")


def _figures(content: SnapshotContent, changes: SnapshotDiff) -> dict[str, Any]:
    sources: list[Row] = content.sources.to_pylist()
    ordered = sorted(
        sources, key=lambda row: (-row["selected_instances"], row["dataset"], row["revision"])
    )
    return {
        "first_day": min(content.days),
        "last_day": max(content.days),
        "notices": [
            _notice(obligation, concerned)
            for obligation in OBLIGATIONS
            if (concerned := [row for row in ordered if carries(row["licence"], obligation)])
        ],
        "counts": _funnel(content.counts),
        "coverage": changes.figures["coverage"].to,
        "quality": changes.figures["quality_mean"].to,
        "parameters": _facts(content.parameters),
        "versions": _facts(content.versions),
        "instructions_per_row": content.parameters.get("instructions_per_row", 0),
        "changes": [
            _change("kept", changes.kept),
            _change("added", changes.added),
            _change("dropped", changes.dropped),
        ],
        "before": changes.kept.number + changes.dropped.number,
        "withdrawn": sorted(changes.sources.withdrawn.items()),
        "conflicts": sorted(content.conflicts.items()),
        "rejects": _rejects(content.rejects.to_pylist()),
        "licences": _licences(sources),
        "models": (models := models_of(content.tasks, content.selected)),
        "terms": [
            line | {"link": link(line["link"], line["link"]) if line["link"] else ""}
            for line in terms_of(models)
        ],
        "datasets": content.selected["dataset"].unique(),
        "sources": sources,
        "listed_sources": [_source(row) for row in ordered[:SOURCES_LISTED]],
    }


def _notice(obligation: Obligation, concerned: Sequence[Row]) -> dict[str, Any]:
    names = sorted({row["dataset"] for row in concerned})
    more = f" and {len(names) - NAMES_LISTED} more" if len(names) > NAMES_LISTED else ""
    return {
        "title": obligation.title,
        "words": Markdown(obligation.words),
        "sources": len(concerned),
        "rows": sum(row["selected_instances"] for row in concerned),
        "licences": "; ".join(sorted({row["licence"] for row in concerned})),
        "names": ", ".join(names[:NAMES_LISTED]) + more,
    }


def _funnel(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    known = [name for name in FUNNEL if name in counts]
    further = sorted(counts.keys() - set(FUNNEL))
    return [(name.replace("_", " "), counts[name]) for name in (*known, *further)]


def _facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else canonical_json(value))
        for name, value in sorted(facts.items())
    ]


def _change(name: str, part: RowsMoved) -> dict[str, Any]:
    reasons = [f"{reason.replace('_', ' ')}: {n:,}" for reason, n in part.by_reason.items()]
    return {"name": name, "number": part.number, "reasons": Markdown(", ".join(reasons) or "-")}


def _rejects(rejects: Sequence[Row]) -> list[dict[str, Any]]:
    totals: dict[tuple[str, str], int] = {}
    for row in rejects:
        place = (row["stage"], row["reason"])
        totals[place] = totals.get(place, 0) + row["number"]
    ordered = sorted(totals.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
    return [
        {"stage": stage, "reason": reason, "words": _WORDS.get(reason, "-"), "number": number}
        for (stage, reason), number in ordered
    ]


def _licences(sources: Sequence[Row]) -> list[dict[str, Any]]:
    totals: dict[str, tuple[int, int]] = {}
    for row in sources:
        number, rows = totals.get(row["licence"], (0, 0))
        totals[row["licence"]] = (number + 1, rows + row["selected_instances"])
    ordered = sorted(totals.items(), key=lambda item: (-item[1][1], item[0]))
    return [{"name": name, "sources": number, "rows": rows} for name, (number, rows) in ordered]


def _source(row: Row) -> dict[str, Any]:
    name = row["dataset"]
    if row["pretty_name"] and row["pretty_name"] != name:
        name = f"{name} ({row['pretty_name']})"
    return {**row, "name": name, "revision": link(row["revision"][:12], row["url"])}
