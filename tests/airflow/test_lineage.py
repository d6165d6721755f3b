"""What OpenLineage's provider makes of an announced asset, and that nothing is asked without it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.conftest import ROOT, clean_environment
from tests.airflow.test_dag_laws import run_python

MADE = """
import json
from types import SimpleNamespace
from airflow.sdk import DAG
from airflow.utils.state import TaskInstanceState
from dynosaur_airflow.assets import HUB_REVISIONS
from dynosaur_airflow.lineage import announcing
with DAG("one", schedule=None) as dag:
    @announcing(outlets=[HUB_REVISIONS])
    def tell(): return {}
    tell()
task = dag.get_task("tell")
"""
EXTRACTED = (
    MADE
    + """
from airflow.providers.openlineage.extractors.manager import ExtractorManager
from openlineage.client.serde import Serde
from dynosaur_etl.flows.views.dataset_lineage import Lineage, LineageDataset
def extracted():
    run, instance = SimpleNamespace(run_id="a run"), SimpleNamespace()
    state = TaskInstanceState.SUCCESS
    found = ExtractorManager().extract_metadata(run, task, state, instance)
    return [[json.loads(Serde.to_json(one)) for one in part]
            for part in (found.inputs, found.outputs)]
before = extracted()
task.lineage = Lineage(
    (LineageDataset("https://hub.example", "datasets/a/b", "f00"),),
    (LineageDataset("file", "/srv/samples", "2026-10-05", None, 4, 5),),
)
print(json.dumps([before, extracted()]))
"""
)
ASKED = """
import json, sys
from unittest import mock
from dynosaur_airflow import lineage
installed = lineage._is_listened_to()
with mock.patch.object(lineage, "find_spec", return_value=None):
    print(json.dumps([installed, lineage._is_listened_to()]))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}", "AIRFLOW_HOME": str(tmp_path)}
    return clean_environment() | paths


def test_the_provider_finds_inputs_and_outputs_with_version_and_size(
    environment: dict[str, str],
) -> None:
    before, found = run_python(EXTRACTED, environment)
    assert before == [[], []], "nothing is made up where nothing was looked up"
    [[read], [written]] = found
    assert (read["namespace"], read["name"]) == ("https://hub.example", "datasets/a/b")
    assert _plain(read["facets"]) == {"version": {"datasetVersion": "f00"}}
    assert read.get("inputFacets", {}) == {}
    assert (written["namespace"], written["name"]) == ("file", "/srv/samples")
    assert _plain(written["outputFacets"]) == {"outputStatistics": {"size": 4, "fileCount": 5}}


def test_lineage_is_looked_up_only_where_somebody_listens(
    environment: dict[str, str], tmp_path: Path
) -> None:
    target = {"type": "file", "log_file_path": str(tmp_path / "events")}
    listening = {"AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(target)}
    assert run_python(ASKED, environment) == [False, False]
    assert run_python(ASKED, environment | listening) == [True, False]


def _plain(facets: dict[str, Any]) -> dict[str, Any]:
    """Leave out where a facet's schema and maker stand."""
    return {
        name: {key: value for key, value in facet.items() if not key.startswith("_")}
        for name, facet in facets.items()
    }
