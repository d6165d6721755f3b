"""Small Hub folders that a test writes itself, in the layout that the embedded Hub serves."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CARD = """---
license: mit
language: en
---
# {name}

## Dataset Summary
Short notes about {name}, each with the mood in which it was written.
"""


def write_dataset(
    root: Path,
    name: str,
    day: str,
    card: str | bytes | None = None,
    facts: Mapping[str, Any] | None = None,
    **files: Any,
) -> None:
    """Add a dataset that was created on the day.

    Args:
        root: the Hub's folder.
        name: owner/name.
        day: YYYY-MM-DD.
        card: text of README.md; a sound one if None.
        facts: what the Hub's list tells of it beside the defaults, such as `downloads`.
        files: content by path, `__` for `/` and `_dot_` for `.`: a table, text or bytes.
    """
    folder = root / "datasets" / name
    folder.mkdir(parents=True)
    text = CARD.format(name=name) if card is None else card
    (folder / "README.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    for key, content in files.items():
        path = folder / key.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str | bytes):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        else:
            pq.write_table(content, path)
    sha = sha256(name.encode()).hexdigest()[:40]
    date = f"{day}T12:00:00Z"
    entry = {
        "id": name,
        "created_at": date,
        "last_modified": date,
        "sha": sha,
        "gated": False,
        "private": False,
        "license": ["mit"],
        "languages": ["en"],
        "tags": ["license:mit", "language:en"],
        "configs": [],
        "has_rows": bool(files),
        "commits": [{"sha": sha, "date": date, "title": "first", "files": ["README.md"]}],
        "card_versions": [],
    } | dict(facts or {})
    with (root / "index.jsonl").open("a") as index:
        index.write(json.dumps(entry) + "\n")


def add_commit(root: Path, name: str, day: str, card: str | None = None) -> None:
    """Add a commit on a later day; without a card it touches no file."""
    index = root / "index.jsonl"
    entries = [json.loads(line) for line in index.read_text().splitlines()]
    entry = next(item for item in entries if item["id"] == name)
    date = f"{day}T09:00:00Z"
    sha = sha256(f"{name} {day}".encode()).hexdigest()[:40]
    if card is not None:
        _move_card_on(root, entry, sha, date, card)
    files = [] if card is None else ["README.md"]
    commit = {"sha": sha, "date": date, "title": "later", "files": files}
    entry |= {"sha": sha, "last_modified": date, "commits": [commit, *entry["commits"]]}
    index.write_text("".join(json.dumps(item) + "\n" for item in entries))


def _move_card_on(root: Path, entry: dict[str, Any], sha: str, date: str, card: str) -> None:
    newest = root / "datasets" / entry["id"] / "README.md"
    older = newest.parent / "history" / f"{entry['sha']}.md"
    older.parent.mkdir(exist_ok=True)
    newest.rename(older)
    newest.write_text(card)
    first = entry["commits"][-1]
    entry["card_versions"] = [
        {"sha": sha, "date": date, "path": str(newest.relative_to(root))},
        {"sha": first["sha"], "date": first["date"], "path": str(older.relative_to(root))},
    ]


def write_converted(root: Path, name: str, table: pa.Table) -> None:
    """Add the rows that the Hub's viewer has made of a dataset's other files."""
    path = root / "converted" / name / "default" / "train.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)


def notes(rows: int = 40, of: str = "boat") -> pa.Table:
    """A table of notes with a mood each; sets of different days are to be of different things."""
    moods = ["calm", "cross", "glad"]
    texts = [f"Note {n}: the {of} left at {n % 12} and came back late." for n in range(rows)]
    return pa.table(
        {"note": texts, "mood": [moods[n % 3] for n in range(rows)]},
        schema=pa.schema([("note", pa.string()), ("mood", pa.string())]),
    )
