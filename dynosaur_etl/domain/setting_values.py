"""The types of the settings' values: what each allows, and what it is read into."""

import json
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from annotated_types import MinLen
from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from dynosaur_etl.domain.choices import ScorerName
from dynosaur_etl.domain.licences import canonical_licence

UNLIMITED = "unlimited"


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("a URL that starts with http:// or https://")
    return value.rstrip("/")


def _optional_http_url(value: str) -> str:
    return _http_url(value) if value else value


def _database_url(value: str) -> str:
    if value and not value.startswith(("postgresql://", "postgresql+psycopg://")):
        raise ValueError("empty (the embedded PostgreSQL) or postgresql://user@host/database")
    return value.replace("postgresql://", "postgresql+psycopg://", 1)


def _comma_list(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip().lower() for part in value.split(",") if part.strip())
    return value


def _canonical(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(canonical_licence, value)))


def _budget(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() == UNLIMITED:
        return UNLIMITED
    try:
        dollars = Decimal(str(value))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite() or dollars < 0:
        raise ValueError(f"a finite amount of dollars, 0 or more, or {UNLIMITED}")
    return dollars


def _class_path(value: str) -> str:
    if value and not all(part.isidentifier() for part in value.split(".")):
        raise ValueError("empty (the log) or the path of a class, as package.module.Class")
    return value


def _json_object(value: str) -> str:
    try:
        is_object = isinstance(json.loads(value), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise ValueError("a JSON object")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
OptionalHttpUrl = Annotated[str, AfterValidator(_optional_http_url)]
ClassPath = Annotated[str, AfterValidator(_class_path)]
JsonObject = Annotated[str, AfterValidator(_json_object)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
Licences = Annotated[CommaList, AfterValidator(_canonical)]
Scorers = Annotated[tuple[ScorerName, ...], NoDecode, BeforeValidator(_comma_list), MinLen(1)]
DollarCap = Annotated[Decimal | Literal["unlimited"], BeforeValidator(_budget)]
