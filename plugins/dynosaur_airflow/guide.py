"""What the documentation of every daily DAG says alike."""

BACKFILL = """
**Backfill.** `hub_poll` alone is backfilled; `task_growth` and `training_set` follow it through
their assets and refuse a backfill of their own.

- In the UI: `hub_poll`, Trigger, Backfill; "missing runs", "missing and errored runs", "all runs".
- On the command line: `dynosaur backfill --from 2026-10-05 --to 2026-10-07`, which runs what is
  missing or has failed; `--dry-run` only tells requests and dollars. Airflow's own is
  `airflow backfill create --dag-id hub_poll --from-date 2026-10-05 --to-date 2026-10-07
  --reprocess-behavior none`; it calls the three behaviours `none`, `failed` and `completed`.
- By REST: `POST /api/v2/backfills` with `{"dag_id": "hub_poll", "from_date":
  "2026-10-05T00:00:00Z", "to_date": "2026-10-07T00:00:00Z", "reprocess_behavior": "none"}`; one
  day: `POST /api/v2/dags/hub_poll/dagRuns` with `{"logical_date": null, "partition_key":
  "2026-10-05"}`.

The growth day of a run is its partition key, or its param `day`, `YYYY-MM-DD` in UTC; by the
plain Trigger, with both left empty, it is the day before. A day that is not over is refused.
"""
AS_OF = """
**As of.** A past day is seen at the newest commit at or before its end. What the Hub tells only of
today (downloads, likes, gates) and repositories that were deleted since cannot be known.
"""
RERUN = """
**Run again.** The run of a day that is finished under the same settings, and selected from, ends
after its first Airflow task. Under other settings a step replaces what it wrote for the day, but
never by less because something was deferred: then what stands is kept, and the run fails. A request
that has an answer is never sent, nor paid, again. What was deferred is taken up by the next run.
"""
PARAMS = """
**By hand.** The params of a run hold for that run alone; where they are empty the settings hold.
With `dry_run` the run tells in its task `preview` what it would send and spend, and stops there.
"""


def with_guide(doc: str | None, *parts: str) -> str:
    """Append parts of the guide to the documentation of a DAG."""
    return "\n".join([(doc or "").rstrip(), *parts])
