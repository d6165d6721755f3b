"""The import direction of docs/architecture.md, read from the code itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "dynosaur_etl"

ALLOWED: dict[str, set[str]] = {
    "domain": set(),
    "settings": {"domain"},
    "forms": {"domain"},
    "hub": {"domain", "forms"},
    "llm": {"domain"},
    "proposals": {"domain"},
    "instances": {"domain"},
    "inference": {"domain"},
    "quality": {"domain", "inference", "llm"},
    "selection": {"domain", "inference"},
    "store": {"domain", "settings"},
    "snapshots": {"domain", "store"},
    "training": {"domain", "selection"},
    "local": {"domain", "settings", "store"},
    "flows": {
        "domain", "settings", "forms", "hub", "llm", "proposals", "instances", "inference",
        "quality", "selection", "store", "snapshots", "training",
    },
    "cli": {"domain", "settings", "flows", "local", "store"},
    "__main__": {"cli"},
}  # fmt: skip
HEAVY = {"torch", "faiss", "datasets", "transformers", "sentence_transformers", "numba", "airflow"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path, *, everywhere: bool = True) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if everywhere else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def room(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_it_may(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    ours = {room(name) for name in imports(path) if name.startswith("dynosaur_etl.")}
    if own != "__init__":
        assert ours - {own} <= ALLOWED[own]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_product_knows_no_airflow_and_loads_nothing_heavy_on_import(path: Path) -> None:
    assert "airflow" not in {name.partition(".")[0] for name in imports(path)}
    assert not HEAVY & {name.partition(".")[0] for name in imports(path, everywhere=False)}


def test_only_settings_reads_the_environment() -> None:
    readers = [
        path.relative_to(PACKAGE).parts[0]
        for path in modules()
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    ]
    assert set(readers) <= {"local"}, "local/ hands the environment on to the processes it starts"


def test_dags_reach_the_product_through_plugins_and_flows_only() -> None:
    for path in (ROOT / "dags").glob("*.py"):
        ours = {name for name in imports(path) if name.startswith("dynosaur_etl")}
        assert all(room(name) in {"flows", "domain"} for name in ours), path.name


def test_polling_loads_no_client_of_an_llm() -> None:
    probe = "import sys; import dynosaur_etl.flows.poll.candidates; print('openai' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_the_command_line_starts_without_anything_heavy() -> None:
    probe = (
        "import sys; import dynosaur_etl.cli.main; "
        f"print(sorted({sorted(HEAVY)!r} & sys.modules.keys()))"
    ).replace(f"{sorted(HEAVY)!r} &", f"set({sorted(HEAVY)!r}) &")
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
