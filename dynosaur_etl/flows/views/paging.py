"""Long lists in parts: each part begins after the last place of the one before it."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Generic, Protocol, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

SIZE, MOST = 50, 200
MOST_DOWNLOADED = MOST_COUNTED = 10_000

Place = tuple[str | int, ...]


def _plain(text: str) -> str:
    """Refuse what no name holds and PostgreSQL does not take: control characters, half letters."""
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise ValueError("a text without control characters")
    return text.strip()


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text that PostgreSQL can hold")
    return text


Text = Annotated[str, Field(max_length=300), AfterValidator(_plain)]
Day = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Cursor = Annotated[str, Field(max_length=8000, pattern=r"^[A-Za-z0-9_=-]*$")]
PlaceText = Annotated[str, AfterValidator(_storable)]
PlaceNumber = Annotated[int, Field(gt=-(2**62), lt=2**62)]


class ListSearch(BaseModel):
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


class Placed(Protocol):
    """A row of a list that knows its place there."""

    @property
    def place(self) -> Place: ...


Row = TypeVar("Row", bound=Placed)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Part(Generic[Row]):
    """Rows of a list; `following` is the cursor of the next part, empty at the end.

    Attributes:
        total: how many rows the whole list has, in words; empty where nobody has counted.
    """

    rows: Sequence[Row] = ()
    following: str = ""
    total: str = ""


def part_of(rows: Sequence[Row], size: int) -> Part[Row]:
    """Cut `size` rows off one row more, whose presence tells that there is another part."""
    shown = rows[:size]
    return Part(shown, cursor(shown[-1].place) if len(rows) > size else "")


def counted(part: Part[Row], search: ListSearch, count: Callable[[int], int]) -> Part[Row]:
    """Add the total; `count` is asked only where the part is not the whole list."""
    if not part.following and not search.after:
        return replace(part, total=f"{len(part.rows):,}")
    number = count(MOST_COUNTED + 1)
    words = f"more than {MOST_COUNTED:,}" if number > MOST_COUNTED else f"{number:,}"
    return replace(part, total=words)


def cursor(place: Place) -> str:
    """Write a row's place as a word for an address."""
    return base64.urlsafe_b64encode(json.dumps(place, ensure_ascii=False).encode()).decode()


def read_cursor(text: str, places: TypeAdapter[Found]) -> Found | None:
    """Read the place that a cursor stands for; None where there is none.

    Raises:
        InvalidInput: it is not one that this list has given.
    """
    if not text:
        return None
    try:
        return places.validate_json(base64.urlsafe_b64decode(text), strict=True)
    except ValueError as error:
        allowed = "the address of a page's link"
        raise InvalidInput(not_allowed("after", text[:80], allowed)) from error
