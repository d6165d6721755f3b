"""The committed sample Hub: the same bytes as its builder writes, and an index that tells it."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml  # type: ignore[import-untyped]

from demo.build_hub import HUB, build

Json = dict[str, Any]

INDEX: list[Json] = [json.loads(line) for line in (HUB / "index.jsonl").read_text().splitlines()]
BY_ID: dict[str, Json] = {entry["id"]: entry for entry in INDEX}
SPLITS: list[tuple[str, str, str]] = [
    (entry["id"], config["config"], split)
    for entry in INDEX
    for config in entry["configs"]
    for split in config["splits"]
]
RECORDED = Path(__file__).resolve().parents[2] / "../shared/hub/index.jsonl"


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(dataset: str, config: str, split: str = "train") -> list[Json]:
    rows: list[Json] = pq.read_table(path_of(dataset, config, split)).to_pylist()
    return rows


def path_of(dataset: str, config: str, split: str) -> Path:
    return HUB / "datasets" / dataset / config / f"{split}.parquet"


def card_of(dataset: str) -> str:
    return (HUB / "datasets" / dataset / "README.md").read_text()


def front_of(dataset: str) -> Json:
    """The card's front matter, every scalar as the text that stands there."""
    front: Json = yaml.load(card_of(dataset).split("---")[1], Loader=yaml.BaseLoader)  # noqa: S506
    return front


def test_building_again_gives_the_committed_bytes(tmp_path: Path) -> None:
    build(tmp_path / "hub")
    built, committed = files_of(tmp_path / "hub"), files_of(HUB)
    assert sorted(built) == sorted(committed)
    differing = [name for name in built if built[name] != committed[name]]
    assert differing == [], "run `python -m demo.build_hub` and commit what it writes"


def test_is_small() -> None:
    assert sum(len(content) for content in files_of(HUB).values()) < 1_500_000


def test_index_and_folder_name_the_same_files() -> None:
    named = {"index.jsonl", "README.md"}
    for entry in INDEX:
        named.add(f"datasets/{entry['id']}/dataset_infos.json")
        named.update(version["path"] for version in entry["card_versions"])
        for config in entry["configs"]:
            named.update(f"{config['dir']}/{split}.parquet" for split in config["splits"])
    assert named == set(files_of(HUB))


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: str(entry["id"]))
def test_commits_and_card_versions_agree(entry: Json) -> None:
    commits, versions = entry["commits"], entry["card_versions"]
    dates = [commit["date"] for commit in commits]
    assert dates == sorted(dates, reverse=True)
    assert (entry["created_at"], entry["last_modified"]) == (dates[-1], dates[0])
    assert entry["sha"] == commits[0]["sha"]
    assert [commit["sha"] for commit in commits] == [version["sha"] for version in versions]
    assert all(re.fullmatch("[0-9a-f]{40}", commit["sha"]) for commit in commits)
    assert entry["card_versions_total"] == len(versions)
    assert versions[0]["path"] == f"datasets/{entry['id']}/README.md"
    assert entry["card_chars"] == len(card_of(entry["id"]))
    assert len({(HUB / version["path"]).read_bytes() for version in versions}) == len(versions)


def test_no_two_commits_share_a_sha() -> None:
    shas = [commit["sha"] for entry in INDEX for commit in entry["commits"]]
    assert len(set(shas)) == len(shas)


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: str(entry["id"]))
def test_index_tells_what_the_card_says(entry: Json) -> None:
    if entry["id"] == "clockwork/repair-manuals":
        assert (entry["license"], entry["languages"], entry["tags"]) == ([], [], [])
        return
    front = front_of(entry["id"])
    assert entry["pretty_name"] == front["pretty_name"]
    assert entry["license"] == front.get("license", [])
    assert entry["languages"] == front["language"]
    assert {f"license:{name}" for name in entry["license"]} <= set(entry["tags"])
    paths = {file["path"] for config in front["configs"] for file in config["data_files"]}
    assert paths == {f"{c}/{s}.parquet" for d, c, s in SPLITS if d == entry["id"]}


@pytest.mark.parametrize(("dataset", "config", "split"), SPLITS)
def test_rows_match_index_and_infos(dataset: str, config: str, split: str) -> None:
    rows = rows_of(dataset, config, split)
    described = next(c for c in BY_ID[dataset]["configs"] if c["config"] == config)
    assert described["splits"][split] == {"num_examples": len(rows), "rows": len(rows)}
    infos = json.loads((HUB / "datasets" / dataset / "dataset_infos.json").read_text())
    assert infos[config]["splits"][split]["num_examples"] == len(rows)
    metadata = pq.read_schema(path_of(dataset, config, split)).metadata
    assert json.loads(metadata[b"huggingface"])["info"]["features"] == infos[config]["features"]
    assert len({json.dumps(row) for row in rows}) == len(rows)
    if split == "train":
        assert 24 <= len(rows) <= 60


@pytest.mark.parametrize(("dataset", "config", "split"), SPLITS)
def test_the_library_reads_the_features_from_the_files(
    dataset: str, config: str, split: str
) -> None:
    from datasets import Features

    infos = json.loads((HUB / "datasets" / dataset / "dataset_infos.json").read_text())
    features = Features.from_arrow_schema(pq.read_schema(path_of(dataset, config, split)))
    assert features == Features.from_dict(infos[config]["features"])


@pytest.mark.parametrize(
    ("dataset", "config"),
    [("harbourline/support-tickets", "delivery"), ("fernwood/kitchen-recipes", "default")],
)
def test_the_library_opens_a_dataset_by_its_card(dataset: str, config: str) -> None:
    from datasets import load_dataset

    folder = str(HUB / "datasets" / dataset)
    opened = load_dataset(folder, config, split="train", streaming=True)
    assert next(iter(opened)) == rows_of(dataset, config)[0]


def test_four_days_with_four_new_datasets_each() -> None:
    days = [entry["created_at"][:10] for entry in INDEX]
    expected = [f"2026-10-0{day}" for day in (5, 6, 7, 8)]
    assert {day: days.count(day) for day in days} == dict.fromkeys(expected, 4)


def test_two_cards_were_changed_on_a_later_day() -> None:
    changed = {e["id"]: e["last_modified"][:10] for e in INDEX if len(e["commits"]) > 1}
    assert changed == {
        "riverside/cafe-reviews": "2026-10-07",
        "fernwood/kitchen-recipes": "2026-10-08",
    }
    older = (HUB / BY_ID["fernwood/kitchen-recipes"]["card_versions"][1]["path"]).read_text()
    assert "- cc-by-4.0\n" in older
    assert front_of("fernwood/kitchen-recipes")["license"] == ["cc-by-sa-4.0"]


@pytest.mark.parametrize(
    ("dataset", "licence_class", "licences"),
    [
        ("papertrail/city-headlines", "unknown", ["unknown"]),
        ("stonebridge/museum-labels", "no-derivatives", ["cc-by-nc-nd-4.0"]),
        ("attic/found-postcards", "none", []),
        ("clockwork/repair-manuals", "none", []),
        ("meadowlab/plant-care", "noncommercial", ["cc-by-4.0"]),
        ("fernwood/kitchen-recipes", "share-alike", ["cc-by-sa-4.0"]),
    ],
)
def test_closed_and_share_alike_licences(
    dataset: str, licence_class: str, licences: list[str]
) -> None:
    entry = BY_ID[dataset]
    assert (entry["licence_class"], entry["license"]) == (licence_class, licences)


def test_every_other_licence_is_open_and_five_kinds_occur() -> None:
    permissive = [e for e in INDEX if e["licence_class"] == "permissive"]
    used = {name for entry in permissive for name in entry["license"]}
    assert len(permissive) == 10
    assert used == {"mit", "apache-2.0", "cc-by-4.0", "cc0-1.0"}


def has_broken_front(dataset: str) -> bool:
    try:
        front_of(dataset)
    except yaml.YAMLError:
        return True
    return False


def test_only_one_front_matter_does_not_parse() -> None:
    broken = [entry["id"] for entry in INDEX if has_broken_front(entry["id"])]
    assert broken == ["clockwork/repair-manuals"]


def test_norwegian_is_the_bare_word_no() -> None:
    card = card_of("nordlys/museumsbeskrivelser")
    assert "language:\n- no\n" in card
    assert yaml.safe_load(card.split("---")[1])["language"] == [False]


def test_the_hard_cases_are_there() -> None:
    assert [r["sentiment"] for r in rows_of("riverside/cafe-reviews", "default")].count(-1) == 2
    travel = rows_of("wayfarer/travel-questions", "default")
    assert [row["answer"] for row in travel].count(None) == 3
    assert [row["answer"] for row in travel].count("") == 2
    recipe = rows_of("fernwood/kitchen-recipes", "default")[0]
    assert isinstance(recipe["steps"][0], dict)
    assert isinstance(recipe["nutrition"], dict)
    assert list(rows_of("brackenhill/proverbs", "default")[0]) == ["saying"]
    assert set(rows_of("lexiloom/harbour-phrases", "en-de")[0]["translation"]) == {"en", "de"}
    card = card_of("tinybits/code-comments")
    assert "<script>" in card
    assert "ignore all previous instructions" in card
    numbers = rows_of("lowtide/tide-tables", "default")
    assert all(isinstance(value, int | float) for row in numbers for value in row.values())


def test_every_right_answer_is_among_the_choices() -> None:
    for row in rows_of("openlantern/science-questions", "default"):
        assert row["choices"].count(row["answer"]) == 1


def test_every_answer_stands_in_its_passage() -> None:
    for row in rows_of("wayfarer/travel-questions", "default"):
        words = (row["answer"] or "").lower().rstrip(".").split()
        assert not words or words[-1] in row["context"].lower()


@pytest.mark.recording
@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded Hub is not beside the checkout")
def test_index_has_the_keys_of_the_recorded_hub_and_two_more() -> None:
    recorded = json.loads(RECORDED.read_text().split("\n", 1)[0])
    for entry in INDEX:
        assert set(entry) == {*recorded, "downloads", "likes"}
