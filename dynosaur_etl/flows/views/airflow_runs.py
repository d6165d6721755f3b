"""What Airflow says of the runs of the growth DAGs, in the product's own types.

Whoever can ask Airflow reads it: the pages from its database, the command from its REST API.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

GROWTH_DAGS = ("hub_poll", "task_growth", "training_set")
"""The three DAGs that make a day, in the order in which they follow one another."""

OPEN_STATES = frozenset({"queued", "running"})
WAITING = "up_for_retry"


@dataclass(frozen=True)
class AirflowTask:
    """Instances of a task of a run that are in one state.

    Attributes:
        since: when the first of them began; None where none has.
    """

    name: str
    state: str
    number: int
    since: datetime | None


@dataclass(frozen=True)
class AirflowRun:
    """A run of one of the DAGs.

    Attributes:
        day: its growth day; None where it has none.
        since: when it began; where it is queued, when it was asked for.
        ended: None where it has not ended.
        tasks: the states of its tasks that are neither done nor to come.
    """

    dag: str
    run_id: str
    day: str | None
    state: str
    since: datetime | None
    ended: datetime | None
    tasks: Sequence[AirflowTask] = ()

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in OPEN_STATES

    @property
    def about(self) -> str:
        """What it is about, in words."""
        return self.day or "the training set"


@dataclass(frozen=True)
class AirflowState:
    """The newest runs of the three DAGs, the newest first, and which of the DAGs are paused."""

    runs: Sequence[AirflowRun]
    paused: Sequence[str] = ()

    def newest(self, dag: str, day: str | None) -> AirflowRun | None:
        """Return the newest run of a DAG about a day; None where there is none."""
        return next((run for run in self.runs if (run.dag, run.day) == (dag, day)), None)
