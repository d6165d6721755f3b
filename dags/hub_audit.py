"""Look once a week whether the sources of the pool may still be used.

The Hub's listing is swept in pages, and a source that it lacks is asked for by itself. A source
that is deleted, gated, private, disabled, or under a licence that the settings do not allow is
**withdrawn**: the next version of the training set is selected without it.

What is found is stored as it is found, so a run that fails goes on from there, and one that runs
again finds nothing new. An audit only ever withdraws: where the Hub shows a source again, the
result counts it as `reachable_again`, and `dynosaur readmit` lifts the withdrawal.
`dynosaur audit` does the same by hand and names what was found.
"""

from typing import Any

from airflow.sdk import dag, task
from dynosaur_airflow.defaults import HUB_POOL, TASK_DEFAULTS
from dynosaur_airflow.guide import AS_OF, with_guide
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.steps import run_about


@dag(
    schedule="0 4 * * 1",
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=with_guide(__doc__, AS_OF),
    tags=["dynosaur", "hub"],
    on_failure_callback=RunFailed(),
)
def hub_audit() -> None:
    @task(pool=HUB_POOL)
    def audit_sources() -> dict[str, Any]:
        from datetime import UTC, datetime

        from dynosaur_etl.flows.upkeep import audit

        return run_about(audit.audit_sources, datetime.now(UTC).date())

    audit_sources()


hub_audit()
