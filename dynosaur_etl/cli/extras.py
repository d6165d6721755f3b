"""Which extra of the package installs a module that a command lacks."""

from importlib.metadata import PackageNotFoundError, metadata

from packaging.requirements import Requirement

from dynosaur_etl.domain.errors import MissingExtra

PACKAGE = "dynosaur-etl"
OURS = ("dynosaur_etl", "dynosaur_airflow")
WHOLE = "etl"
"""The extra that brings polling and growing, and whatever is named otherwise than its module."""


def missing_extra(error: ModuleNotFoundError) -> MissingExtra | None:
    """Return what to say of a module that is not installed; None where the module is our own."""
    module = (error.name or "").partition(".")[0]
    if not module or module in OURS:
        return None
    return MissingExtra(
        f"{module}: not installed; allowed: an installation with the extra that brings it: "
        f"pip install '{PACKAGE}[{_extra_of(module)}]'"
    )


def _extra_of(module: str) -> str:
    try:
        declared = metadata(PACKAGE).get_all("Requires-Dist") or []
    except PackageNotFoundError:
        return WHOLE
    for requirement in map(Requirement, declared):
        if requirement.name.lower().replace("-", "_") == module and requirement.marker is not None:
            return str(requirement.marker).rpartition("==")[2].strip(" '\"")
    return WHOLE
