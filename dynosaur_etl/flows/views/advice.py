"""What to do about a failed Airflow task, by the kind of its error."""

_AGAIN = "then clear the failed task; what was paid for is not paid again"
_ADVICE = {
    "HubUnavailable": f"the Hub gave no usable answer: wait until it does, {_AGAIN}",
    "LlmUnavailable": f"the LLM server gave no usable answer: wait until it does, {_AGAIN}",
    "LlmRefused": f"the LLM server refuses: see to its key, quota or model, {_AGAIN}",
    "HubRefused": f"the Hub refuses: see to the token and the repository, {_AGAIN}",
    "StoreUnavailable": f"run `dynosaur doctor`, see to the database or the disk, {_AGAIN}",
    "Busy": "another process was at it for too long: clear the failed task once that has ended",
    "InvalidSetting": "trigger the run again with the param or setting corrected",
    "InvalidInput": "trigger the run again with the param corrected",
    "Incomplete": (
        "too much had no answer: raise the budget that the error names, or wait for the server, "
        "and clear the failed task; what stands of the day is kept"
    ),
    "Corrupt": f"run `dynosaur doctor` and `dynosaur verify`, restore what is missing, {_AGAIN}",
    "MissingExtra": f"install the packages that the error names on every worker, {_AGAIN}",
    "Stopped": "see the end of the task's log: it was stopped, killed, or ran out of memory",
}
_DEFECT = "this is a defect, and comes back on every try: report it with the task's log"


def advice(kind: str) -> str:
    """Return what to do, as the end of a sentence, by the name of the error's class."""
    return _ADVICE.get(kind, _DEFECT)
