"""What a manual run may set for itself alone; what is left empty stays as the settings have it.

Airflow refuses a wrong type when the run is asked for; the settings refuse the rest in `preview`.
"""

from airflow.sdk import Param

SETTING_OF_PARAM = {
    "datasets_per_owner": "datasets_per_owner",
    "datasets_per_family": "datasets_per_family",
    "configs_per_dataset": "configs_per_dataset",
    "llm_mode": "llm_mode",
    "model": "llm_model",
    "budget_usd": "llm_budget_run_usd",
    "approval_hours": "approval_hours",
    "training_model": "training_model",
    "training_preset": "training_preset",
    "training_seeds": "training_seeds",
    "training_evaluation": "training_evaluation",
    "publish_gate": "publish_gate",
}


def _number(description: str) -> Param:
    return Param(None, type=["null", "integer"], minimum=1, description=description)


def _day() -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date",
        description="growth day (UTC), YYYY-MM-DD, or the Partition Key of the advanced options; "
        "where both are empty, the day before the run",
    )


def _dry_run() -> Param:
    return Param(
        False, type="boolean", description="tell what the run would do, and change nothing"
    )


POLL_PARAMS = {
    "day": _day(),
    "datasets_per_owner": _number("datasets of one owner that the day takes"),
    "datasets_per_family": _number("datasets whose names begin alike that the day takes"),
    "configs_per_dataset": _number("configs taken from one dataset"),
    "dry_run": _dry_run(),
}
GROWTH_PARAMS = {
    "day": _day(),
    "llm_mode": Param(None, enum=[None, "live", "batch"], description="how requests are sent"),
    "model": Param(
        None, type=["null", "string"], maxLength=200, description="model that proposes tasks"
    ),
    "budget_usd": Param(
        None, type=["null", "number"], minimum=0, description="most that the day's run may spend"
    ),
    "dry_run": _dry_run(),
}

TRIAL_PARAMS = {
    "version": Param(
        None, type=["null", "integer"], minimum=1, description="version to try; empty: the newest"
    ),
    "training_model": Param(
        None, type=["null", "string"], maxLength=500, description="model that is trained"
    ),
    "training_preset": Param(
        None, enum=[None, "dynosaur", "qdit", "small", "smol", "tiny"], description="of the trial"
    ),
    "training_seeds": Param(
        None, type=["null", "integer"], minimum=1, description="seeds of the trial"
    ),
    "training_evaluation": Param(
        None, type=["null", "string"], maxLength=500, description="fixed set of the trial"
    ),
    "publish_gate": Param(
        None, type=["null", "boolean"], description="whether the trial decides on publishing"
    ),
    "approval_hours": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        description="hours a person has to approve the version; 0: nobody is asked",
    ),
}

SELECT_PARAMS = {
    "k": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        description="instances selected; fewer than set is a trial: never the head, not published",
    ),
    "alpha": Param(
        None,
        type=["null", "number"],
        minimum=0,
        maximum=1,
        description="weight of quality against diversity",
    ),
    "head": Param(
        False, type="boolean", description="make the version the head, also with a smaller k"
    ),
    "rollback": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        description="number of a version that is made the head again; nothing is selected then",
    ),
    "approval_hours": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        description="hours a person has to approve the version; 0: nobody is asked",
    ),
}
