"""Nothing outside a dataset's own folder is ever served."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.hub_support import SHA, Hub, serve, write_hub, write_parquet

SECRET = b"the neighbour's secret"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The tiny Hub, with secrets around it and links and index lines that lead to them."""
    folder = tmp_path_factory.mktemp("paths")
    root = folder / "root"
    write_hub(root)
    (folder / "outside").mkdir()
    for secret in (folder / "outside/README.md", folder / "secret.md", root / "secret.md"):
        secret.write_bytes(SECRET)
    write_parquet(folder / "outside/train.parquet", 1)
    _link_out(root / "datasets/reviews", folder)
    _add_traps(root, folder)
    with serve(root, folder / "log.jsonl") as running:
        yield running


def _link_out(reviews: Path, folder: Path) -> None:
    (reviews / "small/linked.parquet").symlink_to(folder / "outside/train.parquet")
    (reviews / "linked").symlink_to(folder / "outside")
    (reviews / "small/notes.md").write_bytes(SECRET)
    (reviews / "script.py").write_bytes(SECRET)


def _add_traps(root: Path, folder: Path) -> None:
    """Datasets whose folder is a link, whose card is one, and whose index names other files."""
    (root / "datasets/linked_folder").symlink_to(folder / "outside")
    (root / "datasets/linked_card").mkdir()
    (root / "datasets/linked_card/README.md").symlink_to(folder / "secret.md")
    cards = {
        "linked_folder": "datasets/linked_folder/README.md",
        "linked_card": "datasets/linked_card/README.md",
        "dotted": "datasets/dotted/../../secret.md",
        "absolute": str(folder / "secret.md"),
        "neighbour": "datasets/reviews/README.md",
    }
    with (root / "index.jsonl").open("a") as index:
        for name, path in cards.items():
            version = {"sha": SHA[1], "date": "2021-01-01T10:00:00Z", "path": path}
            commit = {"sha": SHA[1], "date": "2021-01-01T10:00:00Z", "title": "first"}
            entry = {"id": name, "commits": [commit], "card_versions": [version]}
            index.write(json.dumps(entry) + "\n")


@pytest.mark.parametrize(
    "path",
    [
        "../secret/README.md",
        "../../../secret.md",
        "%2e%2e/%2e%2e/secret.md",
        "..%2f..%2fsecret.md",
        "%252e%252e/secret.md",
        "..%5c..%5csecret.md",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "small/../../../secret.md",
        "./README.md",
        "README.md%00.parquet",
        "history/" + SHA[2] + ".md",
        "small/notes.md",
        "script.py",
        "small/linked.parquet",
        "linked/train.parquet",
        "linked/README.md",
        "small",
        "",
    ],
)
def test_only_listed_files_are_served(hub: Hub, path: str) -> None:
    base = "/datasets/legacy-datasets/reviews/resolve/main/"
    status, headers, body = hub.raw("GET", base + path)
    assert (status, headers["x-error-code"]) == (404, "EntryNotFound")
    assert SECRET not in body


@pytest.mark.parametrize(
    "path",
    [
        "/datasets/../secret.md",
        "/datasets/../../secret.md/resolve/main/x",
        "/datasets/%2e%2e/%2e%2e/resolve/main/secret.md",
        "/datasets/legacy-datasets/..%2f..%2f/resolve/main/secret.md",
        "/api/datasets/legacy-datasets/%2e%2e",
        "/api/datasets/..%2f../tree/main",
        "//etc/passwd",
    ],
)
def test_ids_are_never_paths(hub: Hub, path: str) -> None:
    status, _, body = hub.raw("GET", path)
    assert status in (401, 404)
    assert SECRET not in body


@pytest.mark.parametrize(
    "name", ["linked_folder", "linked_card", "dotted", "absolute", "neighbour"]
)
def test_links_and_index_lines_that_lead_out_are_no_files(hub: Hub, name: str) -> None:
    assert hub.json(f"/api/datasets/legacy-datasets/{name}")["siblings"] == []
    path = f"/datasets/legacy-datasets/{name}/resolve/main/README.md"
    assert hub.raw("GET", path)[0] == 404


def test_links_and_stray_files_are_not_listed(hub: Hub) -> None:
    tree = hub.json("/api/datasets/legacy-datasets/reviews/tree/main?recursive=true")
    assert [entry["path"] for entry in tree] == [
        "README.md",
        "dataset_infos.json",
        "small",
        "small/test.parquet",
        "small/train.parquet",
    ]
    splits = hub.json("/viewer/splits?dataset=legacy-datasets/reviews")["splits"]
    assert [split["split"] for split in splits] == ["test", "train"]
