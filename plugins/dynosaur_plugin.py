"""Airflow's entry to the product: the pages, their place in the navigation and on each run."""

from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import conf
from dynosaur_airflow.deadline import RunMade
from dynosaur_airflow.ui.app import create_app

from dynosaur_etl.pages.rendering import PREFIX

BASE = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")


class DynosaurPlugin(AirflowPlugin):
    """Registers the pages, and what deadlines are counted from."""

    name = "dynosaur"
    fastapi_apps = [  # noqa: RUF012 - Airflow's own protocol
        {"app": create_app(), "url_prefix": PREFIX, "name": "Training set"}
    ]
    external_views = [  # noqa: RUF012
        {
            "name": "Training set",
            "href": f"{BASE}{PREFIX}/",
            "destination": "nav",
            "url_route": "training-set",
            "nav_top_level": True,
        },
        {
            "name": "Growth report",
            "href": f"{BASE}{PREFIX}/run/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "growth-report",
        },
        {
            "name": "Growth report",
            "href": f"{BASE}{PREFIX}/run/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "task_instance",
            "url_route": "growth-report-of-task",
        },
    ]
    deadline_references = [RunMade]  # noqa: RUF012
