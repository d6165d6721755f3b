"""Reads from a chat request what the demo's rules need: the dataset's fields, or that it judges."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

MAX_PARSE_ATTEMPTS = 500
_PATH = re.compile(r"\w[.\[]")
_ID_WORDS = frozenset({"id", "ids", "idx", "index", "uuid", "guid", "key"})


@dataclass(frozen=True)
class Field:
    """One field of a dataset, as the request describes it."""

    name: str
    type: str = "string"
    labels: tuple[str, ...] = ()
    examples: tuple[Any, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name)
        return tuple(re.findall(r"[^\W_]+", spaced.lower()))

    @property
    def spoken(self) -> str:
        """The name as words of a sentence: `customerMessage` is spoken `customer message`."""
        return (
            " ".join(word for word in self.words if not (self.is_part and word.isdigit()))
            or self.name
        )

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a nested field, by its path: `talk.by`, `turns[0].text`."""
        return bool(_PATH.search(self.name))

    @property
    def is_identifier(self) -> bool:
        return bool(_ID_WORDS.intersection(self.words))

    @property
    def is_nested(self) -> bool:
        kind = self.type.lower()
        written = any(mark in kind for mark in ("{", "dict", "struct", "translation"))
        return written or any(_holds_dict(value) for value in self.examples)

    @property
    def is_list(self) -> bool:
        kind = self.type.lower()
        written = kind.startswith(("list", "sequence", "[")) or kind.endswith("[]")
        return written or any(isinstance(value, list) for value in self.examples)

    @property
    def is_label(self) -> bool:
        return bool(self.labels) or self.type.lower().replace("_", "").startswith("classlabel")

    @property
    def is_number(self) -> bool:
        return not self.is_label and self.type.lower().startswith(
            ("int", "uint", "float", "double")
        )

    @property
    def is_text(self) -> bool:
        return not (self.is_label or self.is_number or self.is_list or self.is_nested)

    @property
    def is_empty(self) -> bool:
        """Whether every example is missing; a field without examples is not empty."""
        return bool(self.examples) and all(value in (None, "", []) for value in self.examples)


@dataclass(frozen=True)
class Offer:
    """The dataset that a request asks tasks for."""

    dataset: str = ""
    fields: tuple[Field, ...] = ()
    summary: str = ""

    @property
    def subject(self) -> str:
        """What the dataset is about, from its name: `riverside/cafe-reviews` is `cafe reviews`."""
        words = re.findall(r"[^\W_]+", self.dataset.rpartition("/")[2].lower())
        return " ".join(words) or "this collection"


def _holds_dict(value: object) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict) for item in value)
    )


def text_of(body: Json, role: str) -> str:
    """The text of the last message of a role, its parts joined; empty where there is none."""
    messages = [m for m in body["messages"] if m.get("role") == role]
    if not messages:
        return ""
    content = messages[-1].get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def schema_of(body: Json) -> Json:
    """The JSON schema of `response_format`, or an empty one where it is absent or malformed."""
    schema = dig(body, "response_format", "json_schema", "schema")
    return schema if isinstance(schema, dict) else {}


def dig(value: Any, *path: str) -> Any:
    """The value under a path of keys; None where the path ends early."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def read_offer(body: Json) -> Offer:
    """The dataset that the request describes; without fields where it describes none.

    The largest JSON object of the last user message that has a `fields` list counts. Where the
    schema lists the allowed names as an enum, only those are kept, and where no object is found
    the enum alone names the fields.
    """
    allowed = _enum_names(schema_of(body))
    asked = text_of(body, "user").rpartition("<dataset>")[2]  # demonstrations stand before it
    found = [o for o in _json_objects(asked) if isinstance(o.get("fields"), list)]
    if not found:
        return Offer(fields=tuple(Field(name) for name in allowed))
    chosen = max(found, key=lambda o: len(json.dumps(o)))
    fields = tuple(f for f in _read_fields(chosen) if not allowed or f.name in allowed)
    return Offer(_string(chosen.get("dataset")), fields, _string(chosen.get("summary")))


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _enum_names(schema: Json) -> list[str]:
    """The field names that the schema allows, those of the inputs before those of the output."""
    task = dig(schema, "properties", "tasks", "items", "properties")
    inputs = dig(task, "input_fields", "items", "enum")
    output = dig(task, "output_field", "enum")
    names = [name for part in (inputs, output) if isinstance(part, list) for name in part]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _json_objects(text: str) -> Iterator[Json]:
    """The JSON objects that stand in a text, outermost only, in order."""
    decoder = json.JSONDecoder()
    position = text.find("{")
    for _ in range(MAX_PARSE_ATTEMPTS):
        if position < 0:
            return
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            yield value
        position = text.find("{", end)


def _read_rows(listed: object, names: list[Any]) -> Iterator[Json]:
    """The rows as objects; a list of values has one for each field, in their order."""
    for row in listed if isinstance(listed, list) else []:
        if isinstance(row, dict):
            yield row
        elif isinstance(row, list):
            yield {name: value for name, value in zip(names, row, strict=False) if name}


def _read_fields(described: Json) -> Iterator[Field]:
    """The fields in order, each with the values that the rows have for it."""
    entries = [{"name": e} if isinstance(e, str) else e for e in described["fields"]]
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    rows = list(_read_rows(described.get("rows"), names))
    for given in entries:
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            continue
        name, labels = given["name"], given.get("labels")
        yield Field(
            name=name,
            type=_string(given.get("type")) or "string",
            labels=tuple(str(label) for label in labels) if isinstance(labels, list) else (),
            examples=tuple(row[name] for row in rows if name in row),
        )
