"""Long lists in parts: each part begins after the last key of the one before it."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

SIZE, MOST = 50, 200
MOST_DOWNLOADED = 10_000
_MOST_NUMBER = 2**62

Key = tuple[str | int, ...]


def _plain(text: str) -> str:
    """Refuse what no name holds and PostgreSQL does not take: control characters, half letters."""
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise ValueError("a text without control characters")
    return text.strip()


Text = Annotated[str, Field(max_length=300), AfterValidator(_plain)]
Day = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Cursor = Annotated[str, Field(max_length=2000, pattern=r"^[A-Za-z0-9_=-]*$")]


class Search(BaseModel):
    """Which part of a list is asked for; a subclass says by what it is filtered."""

    model_config = ConfigDict(frozen=True)

    after: Cursor = ""
    size: int = Field(SIZE, ge=1, le=MOST)

    @property
    def filters(self) -> dict[str, str]:
        """The filters that are set, as they stand in an address."""
        named = self.model_dump(mode="json", exclude={"after", "size"})
        return {name: str(value) for name, value in named.items() if value not in ("", None)}

    def for_download(self) -> Self:
        """Ask for the same from its beginning, as much as is given at once."""
        return self.model_copy(update={"after": "", "size": MOST_DOWNLOADED})


@dataclass(frozen=True)
class Part:
    """Rows of a list; `following` is the cursor of the next part, empty at the end."""

    rows: list[dict[str, Any]]
    following: str


def part_of(rows: Sequence[Mapping[str, Any]], size: int, key: Sequence[str]) -> Part:
    """Cut `size` rows off one row more; the columns of `key` tell the last one's place."""
    shown = [dict(row) for row in rows[:size]]
    more = len(rows) > size
    return Part(shown, cursor(tuple(shown[-1][name] for name in key)) if more else "")


def cursor(key: Key) -> str:
    """Write a row's place as a word for an address."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def place(text: str, kinds: Sequence[type]) -> Key | None:
    """Read a cursor; None where there is none.

    Raises:
        InvalidInput: it is not one that this list has given.
    """
    if not text:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(text))
        if isinstance(found, list) and [type(part) for part in found] == list(kinds):
            return tuple(_whole(part) for part in found)
    except (ValueError, RecursionError):
        pass
    raise InvalidInput(not_allowed("after", text[:80], "the address of a page's link"))


def _whole(part: str | int) -> str | int:
    if isinstance(part, int):
        if abs(part) >= _MOST_NUMBER:
            raise ValueError("a number that the database holds")
        return part
    return _plain(part)
