"""What a scheduled selection is for: instructions of a file, as vectors."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.file.columns import Columns, found_columns, read_candidates
from dynosaur_etl.flows.select.file.rows import read_rows

_SETTING = "DYNOSAUR_SELECTION_TARGET"


@dataclass(frozen=True)
class Goal:
    """A file or folder of instructions, and the checksum of what it holds."""

    path: Path
    sha256: str


def goal_of(services: Services) -> Goal | None:
    """Return the goal that is set, if any.

    Raises:
        InvalidInput: nothing is where it is said to be.
    """
    if not services.settings.selection_target:
        return None
    path = Path(services.settings.selection_target)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    if not any(file.is_file() for file in files):
        raise InvalidInput(not_allowed(_SETTING, str(path), "a file or folder that is there"))
    return Goal(path, digest.hexdigest())


def goal_vectors(services: Services, goal: Goal) -> NDArray[np.float32]:
    """Embed the goal's instructions, with their inputs where instances are embedded with theirs.

    Raises:
        InvalidInput: the goal holds no texts.
    """
    table = read_rows(goal.path).table
    rows = read_candidates(table, found_columns(table, Columns()))
    texts = rows.texts["text"]
    if services.settings.embedded_text != "instruction":
        given = rows.texts.get("input", [""] * len(texts))
        texts = [f"{text}\n{value}" for text, value in zip(texts, given, strict=True)]
    return services.embedder.embed(texts)
