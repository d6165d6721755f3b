"""Airflow tasks that announce an asset, and tell OpenLineage what went into it and came out.

The lineage is gathered only where Airflow's OpenLineage provider is installed and switched on.
"""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.decorators.python import _PythonDecoratedOperator
from airflow.sdk.bases.decorator import task_decorator_factory

from dynosaur_airflow.assets import HUB_REVISIONS, INSTRUCTION_TASKS, TRAINING_SET
from dynosaur_airflow.run_settings import run_services
from dynosaur_airflow.steps import growth_day
from dynosaur_etl.domain.errors import DynosaurError

if TYPE_CHECKING:
    from dynosaur_etl.flows.views.dataset_lineage import Lineage, LineageDataset

log = logging.getLogger(__name__)


class Announcing(_PythonDecoratedOperator):
    """A Python task that updates one asset; the last one of its DAG."""

    lineage: "Lineage | None" = None

    def execute(self, context: Any) -> Any:
        """Run the function, and then look up what the run has read and written."""
        told = super().execute(context)
        if _is_listened_to():
            self.lineage = _lineage(self.outlets[0].name, told)
        return told

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002
        """Give inputs and outputs as the provider asks for them; it calls this by name."""
        return None if self.lineage is None else _facets(self.lineage)


def announcing(**options: Any) -> Callable[..., Any]:
    """Make an Airflow task of a function, as `task` does, that announces its outlet."""
    made: Callable[..., Any] = task_decorator_factory(
        decorated_operator_class=Announcing, **options
    )
    return made


def _is_listened_to() -> bool:
    if find_spec("airflow.providers.openlineage") is None:
        return False
    from airflow.providers.openlineage import conf

    return not conf.is_disabled()


def _lineage(asset: str, told: Any) -> "Lineage | None":
    """Look up the lineage of the run's day, or of the version that the task gives back."""
    from dynosaur_etl.flows.views.dataset_lineage import grown, polled, selected

    try:
        with run_services() as services:
            if asset == TRAINING_SET.name:
                return selected(told, services)
            of_a_day = {HUB_REVISIONS.name: polled, INSTRUCTION_TASKS.name: grown}
            return of_a_day[asset](str(growth_day()), services)
    except DynosaurError as error:
        log.warning("the lineage of %s cannot be told: %s", asset, error)
        return None


def _facets(lineage: "Lineage") -> Any:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client import event_v2, facet_v2

    read = facet_v2.input_statistics_input_dataset.InputStatisticsInputDatasetFacet
    written = facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    return OperatorLineage(
        inputs=[
            event_v2.InputDataset(
                of.namespace,
                of.name,
                facets=_version(of),
                inputFacets=_size(of, "inputStatistics", read),
            )
            for of in lineage.inputs
        ],
        outputs=[
            event_v2.OutputDataset(
                of.namespace,
                of.name,
                facets=_version(of),
                outputFacets=_size(of, "outputStatistics", written),
            )
            for of in lineage.outputs
        ],
    )


def _version(of: "LineageDataset") -> dict[str, Any]:
    from openlineage.client.facet_v2 import dataset_version_dataset as facet

    if of.version is None:
        return {}
    return {"version": facet.DatasetVersionDatasetFacet(datasetVersion=of.version)}


def _size(of: "LineageDataset", name: str, facet: Callable[..., Any]) -> dict[str, Any]:
    size = (of.rows, of.bytes, of.files)
    return {} if size == (None, None, None) else {name: facet(*size)}
