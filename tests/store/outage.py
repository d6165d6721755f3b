"""A PostgreSQL that has died under open connections, and the calls that are to notice it."""

import ast
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

from sqlalchemy import text
from sqlalchemy.orm import Session

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import KEEP, Counts, Mode, StepName, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.llm.batch_client import Submission
from dynosaur_etl.settings import LlmMode
from dynosaur_etl.store.facts.withdrawals import Withdrawal
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import StepOutput
from dynosaur_etl.store.tables import Base, GrowthRunRow
from tests.house import ROOT, read_house

DAY = "2026-10-05"
HOUSE = read_house()
FLOWS = "dynosaur_etl.flows"
SAMPLES: dict[Any, Any] = {
    Any: DAY,
    str: DAY,
    int: 1,
    float: 1.0,
    bool: True,
    Decimal: Decimal(1),
    date: date(2026, 10, 5),
    datetime: datetime(2026, 10, 5, tzinfo=UTC),
    timedelta: timedelta(days=1),
    Path: Path("/none"),
    GrowthDay: GrowthDay.parse(DAY),
    StepName: StepName.FILL,
    Mode: Mode.AWARE,
    FileKind: FileKind.INSTANCES,
    LlmMode: LlmMode.LIVE,
    Verdict: KEEP,
    Reason: Reason.UNFORESEEN_ERROR,
    StepOutput: StepOutput(Counts(0, 0, 0)),
    type[Base]: GrowthRunRow,
    Withdrawal: Withdrawal("owner/name", "gone", DAY, "why"),
}
"""A value of each type that a call may ask for."""

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
LATER = {"Submission": Submission}
"""Types that modules import for checking alone."""


def functions_of(package: ModuleType, kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public functions below a package that take something of that kind."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" in found.name:
            continue
        module = import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == module.__name__ and not name.startswith("_")
            if is_own and takes(function, kind):
                yield f"{module.__name__}.{name}", function


def entries(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions of the flows that commands, pages and DAGs call, and that take a kind."""
    found = {
        name
        for module, tree in HOUSE.trees.items()
        if module.startswith(("dynosaur_etl.cli", "dynosaur_airflow"))
        for name in _taken(tree)
    } | {
        name
        for path in (ROOT / "dags").glob("*.py")
        for name in _taken(ast.parse(path.read_text()))
    }
    for module, name in sorted(found):
        function = getattr(import_module(module), name, None)
        is_ours = getattr(function, "__module__", "").startswith("dynosaur_etl.")
        if is_ours and inspect.isfunction(function) and takes(function, kind):
            yield f"{module}.{name}", function


def takes(function: Callable[..., Any], kind: type) -> bool:
    """Tell whether a parameter of a function is of a kind."""
    hints = get_type_hints(function, localns=LATER)
    return any(hints.get(name) is kind for name in inspect.signature(function).parameters)


def _taken(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield what a module takes of the flows, as modules and the names taken from them."""
    modules: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "dynosaur_etl.flows"
        ):
            for alias in node.names:
                modules[alias.asname or alias.name].add(f"{node.module}.{alias.name}")
                yield str(node.module), alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            for module in modules[node.value.id] & HOUSE.trees.keys():
                yield module, node.attr


def call(function: Callable[..., Any], given: Mapping[type, Any]) -> None:
    """Call a function with a value for every parameter that needs one, and use what it gives."""
    hints = get_type_hints(function, localns=LATER)
    arguments = {
        name: value_of(hints[name], given)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty and parameter.kind not in MANY
    }
    result = function(**arguments)
    if isinstance(result, AbstractContextManager):
        with result as opened:
            if isinstance(opened, Session):
                opened.execute(text("select 1"))
    elif isinstance(result, Iterator):
        next(result)


def value_of(hint: Any, given: Mapping[type, Any]) -> Any:
    """Return a value of a type; a type that nobody has thought of fails the test."""
    known = SAMPLES | dict(given)
    if hint in known:
        return known[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return hint(**{name: value_of(part, given) for name, part in get_type_hints(hint).items()})
    if isinstance(hint, type):
        return hint()
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Callable:
        return parts[-1]
    if type(None) in parts:
        return value_of(parts[0], given)
    if origin in (Sequence, Collection, list):
        return [value_of(parts[0], given)]
    if origin is tuple:
        return tuple(value_of(part, given) for part in parts if part is not ...)
    if origin in (Mapping, dict):
        return {value_of(parts[0], given): value_of(parts[1], given)}
    raise NotImplementedError(f"name a value of the type {hint} in SAMPLES")
