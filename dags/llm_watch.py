"""Look once a day at what is on its way to the LLM, and warn of what needs a person.

`warn` looks at every batch of the Batch API that is not closed: it collects what has ended, and
closes what has been in trouble for longer than `DYNOSAUR_LLM_BATCH_GRACE_MINUTES`, so that no
request is held for ever where no run waits for it. What a person should know goes to the log and to
the notifier of the settings, in one message; a day without trouble sends none.
"""

from airflow.sdk import dag, task
from dynosaur_airflow.defaults import LLM_POOL, TASK_DEFAULTS
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.steps import warn_of_troubles


@dag(
    schedule="0 5 * * *",
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["dynosaur", "llm"],
    on_failure_callback=RunFailed(),
)
def llm_watch() -> None:
    @task(pool=LLM_POOL)
    def warn() -> list[str]:
        return warn_of_troubles()

    warn()


llm_watch()
