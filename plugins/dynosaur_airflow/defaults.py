"""What all DAGs share: owner, tags, the pool of the LLM, and retries that think."""

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from dynosaur_etl.domain.errors import Busy, Terminal, Transient

OWNER = "dynosaur"
LLM_POOL = "llm"
TAGS = frozenset({"dynosaur", "hub", "llm", "selection"})

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(Terminal, RetryAction.FAIL, reason="A retry gives the same result."),
        RetryRule(
            Busy, RetryAction.RETRY, timedelta(seconds=30), "Another process is at it; waiting."
        ),
        RetryRule(
            Transient, RetryAction.RETRY, timedelta(minutes=2), "The other side may recover."
        ),
    ]
)

TASK_DEFAULTS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
    "retry_policy": RETRY_POLICY,
}
