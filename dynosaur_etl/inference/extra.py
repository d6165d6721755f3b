"""The extra `[train]`: packages that training and evaluation need and nothing else does."""

from importlib.util import find_spec

from dynosaur_etl.domain.errors import MissingExtra

TRAIN = "train"


def require_train(*modules: str) -> None:
    """Refuse to go on where a package of the extra `[train]` is missing.

    Raises:
        MissingExtra: naming the missing modules and the command that installs them.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingExtra(
            f"{', '.join(missing)}: not installed; allowed: an installation with the extra "
            f"[{TRAIN}]: pip install -r requirements-train.txt -c constraints.txt"
        )
