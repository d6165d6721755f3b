"""The values for Airflow's chart, and the names of Airflow's options in them and in compose."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from dynosaur_etl.local.system import POOLS

ROOT = Path(__file__).resolve().parents[2]
VALUES = ROOT / "deploy" / "kubernetes" / "values.yaml"
COMPOSITION = ROOT / "docker-compose.yaml"
OF_CELERY = ("celery", "celery_broker_transport_options")


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """The options that this Airflow knows, by section."""
    found = find_spec("airflow")
    assert found is not None
    [package] = found.submodule_search_locations or []
    told = yaml.safe_load((Path(package) / "config_templates" / "config.yml").read_text())
    return {section: set(about["options"]) for section, about in told.items()}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(VALUES.read_text())
    return found


def test_airflow_knows_every_option(values: dict[str, Any], options: dict[str, set[str]]) -> None:
    for section, named in values["config"].items():
        assert named.keys() <= options[section], section
    in_compose = re.findall(
        r"^ +AIRFLOW__([A-Z_]+?)__([A-Z_]+):", COMPOSITION.read_text(), re.MULTILINE
    )
    assert len(in_compose) > 10
    for section, option in in_compose:
        if section.lower() not in OF_CELERY:
            assert option.lower() in options[section.lower()], (section, option)


def test_every_secret_is_named_and_none_is_written(values: dict[str, Any]) -> None:
    named = {
        values["data"]["metadataSecretName"], values["fernetKeySecretName"],
        values["apiSecretKeySecretName"], values["jwtSecretName"],
    }  # fmt: skip
    guide = (ROOT / "docs" / "deployment.md").read_text()
    given = {entry.popitem()[1]["name"] for entry in yaml.safe_load(values["extraEnvFrom"])}
    for name in named | given:
        assert f"`{name}`" in guide
    assert not re.search(r"(?i)(password|token|secret_?key):\s*\S", VALUES.read_text())


def test_the_databases_are_migrated_and_the_pools_made_once_a_release(
    values: dict[str, Any],
) -> None:
    script = values["migrateDatabaseJob"]["args"][-1]
    assert "airflow db migrate" in script
    assert "dynosaur db upgrade" in script
    init = yaml.safe_load(COMPOSITION.read_text())["services"]["init"]["command"][0]
    for told in (script, init):
        for name, (slots, description) in POOLS.items():
            assert f'airflow pools set {name} {slots} "{description}"' in told


def test_every_component_has_a_limit(values: dict[str, Any]) -> None:
    for name in ("workers", "scheduler", "apiServer", "dagProcessor", "triggerer"):
        assert values[name]["resources"]["limits"].keys() == {"cpu", "memory"}


def test_the_chart_runs_the_airflow_that_is_pinned(values: dict[str, Any]) -> None:
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert f"apache-airflow=={values['airflowVersion']}" in pins
