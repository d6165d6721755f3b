"""Names that are nearly right."""

from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches

_LIKE_PREFIX = 0.75
_LIKE_NAME = 0.85


def meant_names(name: str, known: Sequence[str], prefix: str) -> list[str]:
    """Return the names that an unknown one is a misspelling of, the nearest first.

    Args:
        name: as somebody wrote it.
        known: the names that there are, most of which begin with the prefix.
        prefix: ends with `_`; it may be misspelt as well.

    Returns:
        One or two names; at least one where the name begins with the prefix, and none where it is
        known, or where neither its prefix nor the whole of it is near one of ours.
    """
    likeness = SequenceMatcher(None, name.partition("_")[0], prefix.rstrip("_")).ratio()
    if name in known or likeness < _LIKE_PREFIX:
        return []
    bare = name.removeprefix(prefix)
    if bare in known:
        return [bare]
    near = get_close_matches(name, known, 2, _LIKE_NAME)
    return near or (get_close_matches(name, known, 1, 0) if name.startswith(prefix) else [])
