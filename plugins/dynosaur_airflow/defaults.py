"""What all DAGs share: owner, tags, the pools of Hub, LLM and training, and retries that think."""

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from dynosaur_airflow.failures import remember_failure, remember_retry
from dynosaur_etl.domain.errors import Busy, Terminal, Transient

OWNER = "dynosaur"
HUB_POOL, LLM_POOL, TRAINING_POOL = "hub", "llm", "training"
TRAINING_QUEUE = "gpu"
"""The queue of the workers that train; an executor on one host runs every queue itself."""

TAGS = frozenset({"dynosaur", "hub", "llm", "selection", "training"})

DEFECTS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, NameError, NotImplementedError,
    TypeError, ValueError,
)  # fmt: skip
"""What code raises that is wrong, and raises again on every try."""

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(Terminal, RetryAction.FAIL, reason="A retry gives the same result."),
        RetryRule(
            Busy, RetryAction.RETRY, timedelta(seconds=30), "Another process is at it; waiting."
        ),
        RetryRule(
            Transient, RetryAction.RETRY, timedelta(minutes=2), "The other side may recover."
        ),
        *(
            RetryRule(kind, RetryAction.FAIL, reason="A defect is the same on every try.")
            for kind in DEFECTS
        ),
    ]
)

WHERE_IT_NEVER_RAN = timedelta()
"""No run of the past day where a schedule is switched on for the first time; by False, Airflow
makes one in the first tenth of a day. Where there has been a run, a backfill's among them, Airflow
makes the one of the past day at once, whatever stands here."""

TASK_DEFAULTS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
    "retry_policy": RETRY_POLICY,
    "on_failure_callback": remember_failure,
    "on_retry_callback": remember_retry,
}
