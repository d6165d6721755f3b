"""What `python -m benchmarks` runs by itself are scripts that print figures, all of them."""

import ast

import pytest

from benchmarks.__main__ import LONG, scripts
from benchmarks.harness import ROOT


def calls_the_harness(name: str) -> bool:
    tree = ast.parse((ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8"))
    measured = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "benchmarks.harness"
        for alias in node.names
    ]
    return "main" in measured


@pytest.mark.parametrize("name", [*scripts(), *LONG])
def test_a_script_prints_its_figures_by_the_harness(name: str) -> None:
    assert calls_the_harness(name)


def test_no_script_is_left_out() -> None:
    measuring = {
        path.stem for path in (ROOT / "benchmarks").glob("*.py") if calls_the_harness(path.stem)
    }
    assert measuring == {*scripts(), *LONG}
