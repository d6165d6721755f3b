"""Metrics are named in one place: the code, the operators' guide and the dashboard agree."""

import json
import re
from typing import Any

import pytest

from tests.airflow.conftest import ROOT, clean_environment
from tests.airflow.test_dag_laws import run_python

NAMES = """
import json
from dynosaur_airflow import metrics
print(json.dumps({"totals": metrics.TOTALS, "step": metrics.STEP, "reason": metrics.REASON}))
"""
GRAFANA = ROOT / "deploy" / "grafana" / "dynosaur.json"


@pytest.fixture(scope="module")
def names() -> Any:
    paths = f"{ROOT}:{ROOT / 'plugins'}"
    return run_python(NAMES, clean_environment() | {"PYTHONPATH": paths})


def test_the_guide_names_every_metric_and_no_other(names: Any) -> None:
    told = re.findall(r"`(dynosaur\.[a-z._<>]+)`", (ROOT / "docs" / "operations.md").read_text())
    assert set(told) == {*names["totals"], f"{names['step']}<step>", f"{names['reason']}<code>"}


def test_the_dashboard_asks_for_metrics_that_exist(names: Any) -> None:
    panels = json.loads(GRAFANA.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"airflow_\w+", query)}
    prefixes = {prometheus(names["step"]), prometheus(names["reason"])}
    assert asked == {*map(prometheus, names["totals"]), *prefixes}


def prometheus(name: str) -> str:
    """Give the name under which the statsd exporter hands a metric on."""
    return f"airflow_{name.replace('.', '_')}"
