"""Builds the sample Hub of the demo, the same bytes each time, from `demo.sample_data`.

    python -m demo.build_hub [FOLDER]

The folder holds index.jsonl with one dataset a line and, for each dataset, its newest card, its
older cards, dataset_infos.json and one Parquet file for each split.
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from demo.sample_data import DATASETS
from demo.sample_data.model import Config, Front, Revision, SampleDataset

Json = dict[str, Any]

HUB = Path(__file__).resolve().parent / "hub"

ABOUT = """# Sample Hub

Small datasets for the demo, as they might stand on the Hugging Face Hub between 5 and 8 October
2026. Owners, places, texts and figures are invented; what is true in them is school knowledge.
The licences on the cards are part of the play, so that the licence filter has something to do:
whatever a card says, the content is shared under the licence of this project.

`python -m demo.build_hub` writes this folder from `demo/sample_data`; a test holds the two
together, so change the content there and build again.

- `index.jsonl`: one dataset a line, with its commits, card versions, configs and splits
- `datasets/<owner>/<name>/README.md`: the newest card; `history/<sha>.md`: older ones
- `datasets/<owner>/<name>/dataset_infos.json`: features, splits and sizes of each config
- `datasets/<owner>/<name>/<config>/<split>.parquet`: the rows
"""


def build(target: Path) -> None:
    """Write the whole Hub into a folder, in place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    lines = [json.dumps(_write_dataset(target, dataset)) for dataset in DATASETS]
    (target / "index.jsonl").write_text("".join(line + "\n" for line in lines), "utf-8")
    (target / "README.md").write_text(ABOUT, "utf-8")


def _write_dataset(target: Path, dataset: SampleDataset) -> Json:
    """Write the dataset's files; gives its line of the index."""
    folder = target / "datasets" / dataset.id
    (folder / "history").mkdir(parents=True)
    *older, newest = dataset.revisions
    (folder / "README.md").write_text(_card(dataset, newest), "utf-8")
    for revision in older:
        path = folder / "history" / f"{_sha(dataset, revision)}.md"
        path.write_text(_card(dataset, revision), "utf-8")
    if not older:
        (folder / "history").rmdir()
    for config in dataset.configs:
        _write_rows(folder, config)
    infos = {config.name: _info(folder, dataset, config) for config in dataset.configs}
    (folder / "dataset_infos.json").write_text(json.dumps(infos, indent=1) + "\n", "utf-8")
    return _index_line(dataset)


def _sha(dataset: SampleDataset, revision: Revision) -> str:
    """The commit's name: 40 hex digits of the id, the date, the title and the card."""
    content = "\n".join((dataset.id, revision.date, revision.title, _card(dataset, revision)))
    return hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()


def _card(dataset: SampleDataset, revision: Revision) -> str:
    if revision.front is None:
        return revision.text
    return _front_matter(revision.front, dataset.configs) + revision.text


def _front_matter(front: Front, configs: tuple[Config, ...]) -> str:
    """The card's YAML: what the Hub filters by, and where each config's files are."""
    lines = ["---", f"pretty_name: {front.pretty_name}"]
    for key, values in (
        ("language", front.languages),
        ("license", front.licences),
        ("task_categories", front.categories),
    ):
        lines += [f"{key}:", *(f"- {value}" for value in values)] if values else []
    lines.append("configs:")
    for config in configs:
        lines += [f"- config_name: {config.name}", "  data_files:"]
        for split in config.splits:
            lines += [f"  - split: {split}", f"    path: {config.name}/{split}.parquet"]
    return "\n".join([*lines, "---", ""])


def _write_rows(folder: Path, config: Config) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Features

    schema = Features.from_dict(dict(config.features)).arrow_schema
    (folder / config.name).mkdir()
    for split, rows in config.splits.items():
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
        pq.write_table(table, folder / config.name / f"{split}.parquet", compression="zstd")


def _info(folder: Path, dataset: SampleDataset, config: Config) -> Json:
    """The config's entry of dataset_infos.json; sizes are those of the Parquet files, in bytes."""
    sizes = {
        split: (folder / config.name / f"{split}.parquet").stat().st_size for split in config.splits
    }
    splits = {
        split: {"name": split, "num_bytes": sizes[split], "num_examples": len(rows)}
        for split, rows in config.splits.items()
    }
    return {
        "description": config.description,
        "citation": "",
        "homepage": "",
        "license": ", ".join(_licences(dataset)),
        "features": config.features,
        "builder_name": "parquet",
        "config_name": config.name,
        "splits": splits,
        "download_size": sum(sizes.values()),
        "dataset_size": sum(sizes.values()),
    }


def _licences(dataset: SampleDataset) -> tuple[str, ...]:
    front = dataset.revisions[-1].front
    return front.licences if front else ()


def _index_line(dataset: SampleDataset) -> Json:
    first, newest = dataset.revisions[0], dataset.revisions[-1]
    front = newest.front or Front("", (), (), ())
    card = _card(dataset, newest)
    return {
        "id": dataset.id,
        "created_at": first.date,
        "last_modified": newest.date,
        "sha": _sha(dataset, newest),
        "gated": False,
        "private": False,
        "card_versions_total": len(dataset.revisions),
        "pretty_name": front.pretty_name or None,
        "license": list(front.licences),
        "licence_class": dataset.licence_class,
        "languages": list(front.languages),
        "tags": _tags(front),
        "paperswithcode_id": None,
        "card_chars": len(card),
        "card_text_chars": _text_chars(newest.text),
        "configs": [_describe_config(dataset, config) for config in dataset.configs],
        "has_rows": True,
        "commits": [_describe_commit(dataset, r) for r in reversed(dataset.revisions)],
        "card_versions": [_describe_card(dataset, r) for r in reversed(dataset.revisions)],
        "note": dataset.note,
        "downloads": dataset.downloads,
        "likes": dataset.likes,
    }


def _tags(front: Front) -> list[str]:
    groups = (
        ("task_categories", front.categories),
        ("language", front.languages),
        ("license", front.licences),
    )
    return [f"{name}:{value}" for name, values in groups for value in values]


def _text_chars(text: str) -> int:
    """Characters of the card's text without its headings and blank lines."""
    return sum(len(line) for line in text.splitlines() if not line.startswith("#"))


def _describe_config(dataset: SampleDataset, config: Config) -> Json:
    splits = {
        split: {"num_examples": len(rows), "rows": len(rows)}
        for split, rows in config.splits.items()
    }
    directory = f"datasets/{dataset.id}/{config.name}"
    return {"config": config.name, "dir": directory, "splits": splits}


def _describe_commit(dataset: SampleDataset, revision: Revision) -> Json:
    is_first = revision is dataset.revisions[0]
    return {
        "sha": _sha(dataset, revision),
        "date": revision.date,
        "title": revision.title,
        "files": ["README.md", "dataset_infos.json"] if is_first else ["README.md"],
    }


def _describe_card(dataset: SampleDataset, revision: Revision) -> Json:
    sha = _sha(dataset, revision)
    is_newest = revision is dataset.revisions[-1]
    name = "README.md" if is_newest else f"history/{sha}.md"
    return {"sha": sha, "date": revision.date, "path": f"datasets/{dataset.id}/{name}"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the sample Hub of the demo.")
    parser.add_argument("folder", type=Path, nargs="?", default=HUB)
    build(parser.parse_args().folder)


if __name__ == "__main__":
    main()
