"""When a batch that does not end is closed, so that no request is held for ever.

| trouble | what is seen | what is done |
|---|---|---|
| `unknown` | the server does not know the batch | asked again for the grace, then closed |
| `results_gone` | it has ended, and its files are not there | the same |
| `overdue` | it has not ended long after its window | cancelled, then closed after the grace |
| `cancelling` | it was cancelled and does not end | closed after the grace |

Where the server says how it ended, its word holds: what it did not answer is given back. Where it
says nothing, what it may have answered counts as lost, and stays in the budget until it is
forgiven.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dynosaur_etl.domain.batch import Batch, BatchTrouble
from dynosaur_etl.llm.batch_server import ServerBatch

_TROUBLE_WORDS = {
    BatchTrouble.UNKNOWN: "the server does not know it",
    BatchTrouble.RESULTS_GONE: "it has ended, and its results are not on the server",
    BatchTrouble.OVERDUE: "it has not ended long after its window",
    BatchTrouble.CANCELLING: "it was cancelled and does not end",
}


@dataclass(frozen=True)
class BatchRules:
    """How long a batch is waited for.

    Attributes:
        overdue: from when it was sent; its window is 24 hours.
        grace: from when it was first seen in trouble, whatever trouble it is in since.
    """

    overdue: timedelta = timedelta(hours=30)
    grace: timedelta = timedelta(hours=2)

    def trouble(self, batch: Batch, seen: ServerBatch | None, now: datetime) -> BatchTrouble | None:
        """Return what keeps a batch from ending; None where nothing does so far as is seen."""
        if seen is None:
            return BatchTrouble.UNKNOWN
        if seen.ended:
            return BatchTrouble.RESULTS_GONE if _lacks_files(seen) else None
        if self.is_overdue(batch, now):
            return BatchTrouble.OVERDUE
        return BatchTrouble.CANCELLING if seen.status == "cancelling" else None

    def is_overdue(self, batch: Batch, now: datetime) -> bool:
        """Return whether its window has passed so long ago that it will not end by itself."""
        return batch.sent_at is not None and now > batch.sent_at + self.overdue

    def gives_up(self, batch: Batch, now: datetime) -> bool:
        """Return whether a batch has been in trouble for longer than the grace."""
        return batch.trouble_since is not None and now > batch.trouble_since + self.grace

    def closing_words(self, batch: Batch) -> str:
        """Return why a batch is closed, and what becomes of its requests."""
        trouble = batch.trouble or BatchTrouble.UNKNOWN
        since = f"{batch.trouble_since:%Y-%m-%d %H:%M} UTC" if batch.trouble_since else "now"
        return (
            f"{trouble}: {_TROUBLE_WORDS[trouble]} since {since}; closed, and what it may have "
            "answered counts as lost"
        )


DEFAULT_RULES = BatchRules()


def _lacks_files(seen: ServerBatch) -> bool:
    """A batch that was completed has a file of answers or of errors, or gets one soon."""
    return not seen.files and (seen.status == "completed" or seen.completed > 0)
