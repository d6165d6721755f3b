"""What a preset of the prompt makes of a config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wording:
    """One request in words.

    Attributes:
        schema: a strict JSON schema of the answer, or None where the words alone ask for its form.
        version: of the preset; another wording has another version.
    """

    system: str
    user: str
    schema: Mapping[str, Any] | None
    max_tokens: int
    version: str
