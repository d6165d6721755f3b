"""What a config's own columns and texts say of single rows: another licence, another language.

A set of many sources often names the licence and the language of each row. A row is refused where
it names one that is not allowed. A column counts as one of licences only if most of its values are
licences, so that plates and driving licences do not. Where a card says that there are several
languages and no column names them, the text of each instance does, if it is long and clear enough.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.domain.language import clear_language
from dynosaur_etl.domain.licences import is_known
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.spdx import is_allowed
from dynosaur_etl.domain.text import shorten
from dynosaur_etl.forms.languages import LANGUAGE_COLUMNS, language_code

ROW_MARKS_VERSION = "marks-1"
LICENCE_COLUMNS = frozenset(
    {"license", "licence", "licenses", "licences", "license_type", "license_name", "license_id"}
)
NO_LICENCE = frozenset({"unknown", "other", "none", "proprietary", "unlicensed", "no-license"})
LONGEST_NAME = 60
_BETWEEN = re.compile(r"[\s()]+(?:and|or|with)[\s()]+|[();]|,\s+")

Found = tuple[Reason, str]
Rejected = Counter[Found]
"""Rows that gave no instance, by reason and by what was found; the latter often empty."""


@dataclass(frozen=True)
class AllowedRows:
    """Licences and languages that a row may name."""

    licences: tuple[str, ...]
    languages: tuple[str, ...]


def marking_fields(fields: Iterable[Field], used: Collection[str] = ()) -> list[Field]:
    """Return the fields that may name the licence or the language of a row.

    Args:
        fields: of the config.
        used: the fields of a task; one about languages is not judged by them.
    """
    is_about_languages = any(name.lower() in LANGUAGE_COLUMNS for name in used)
    names = LICENCE_COLUMNS if is_about_languages else LICENCE_COLUMNS | LANGUAGE_COLUMNS
    kinds = (FieldKind.TEXT, FieldKind.LABEL)
    return [field for field in fields if field.name.lower() in names and field.kind in kinds]


@dataclass(frozen=True)
class RowMarks:
    """The values of columns, as texts, that refuse a row, with what they refuse it for."""

    refused: Mapping[str, Mapping[str, Found]]

    def admitted(self, rows: pa.Table) -> tuple[pa.Table, Rejected]:
        """Return the rows that no column refuses, and the others counted.

        Args:
            rows: with the columns that were judged.
        """
        rejected: Rejected = Counter()
        for name, found in self.refused.items():
            told = rows[name].cast(pa.string())
            is_refused = pc.is_in(told, pa.array(found, pa.string()))
            gone = told.filter(is_refused).value_counts().to_pylist()
            for item in gone:
                rejected[found[item["values"]]] += item["counts"]
            rows = rows.filter(pc.invert(is_refused))
        return rows, rejected


def judge_marks(columns: pa.Table, fields: Iterable[Field], allowed: AllowedRows) -> RowMarks:
    """Judge the values of columns that may name licences or languages.

    Args:
        columns: those of the fields, all rows of the config.
        fields: as `marking_fields` gives them.
        allowed: what a row may name.
    """
    refused = {}
    for field in fields:
        names = _names(columns[field.name].unique(), field)
        is_language = field.name.lower() in LANGUAGE_COLUMNS
        found = _languages(names, allowed) if is_language else _licences(field, names, allowed)
        if found:
            refused[field.name] = found
    return RowMarks(refused)


def other_languages(texts: Iterable[str], languages: Collection[str]) -> dict[int, Found]:
    """Return the places of texts that are clearly written in a language that is not allowed."""
    codes = ((place, clear_language(text)) for place, text in enumerate(texts))
    return {
        place: (Reason.LANGUAGE_NOT_ALLOWED, f"{code}, as the text shows")
        for place, code in codes
        if code is not None and code not in languages
    }


def _names(values: pa.Array, field: Field) -> dict[str, str]:
    """Return what each value of a column names; of a class, which stands as a number, its name."""
    told = [value for value in values.to_pylist() if value is not None]
    if field.kind is FieldKind.LABEL:
        known = range(len(field.labels))
        return {str(value): field.labels[value] for value in told if value in known}
    return {value: value for value in told if value.strip()}


def _languages(names: Mapping[str, str], allowed: AllowedRows) -> dict[str, Found]:
    codes = ((value, language_code(name)) for value, name in names.items())
    return {
        value: (Reason.LANGUAGE_NOT_ALLOWED, f"{code}, as the row says")
        for value, code in codes
        if code is not None and code not in allowed.languages
    }


def _licences(field: Field, names: Mapping[str, str], allowed: AllowedRows) -> dict[str, Found]:
    known = [name for name in names.values() if _is_licence(name)]
    if 2 * len(known) < len(names):
        return {}
    return {
        value: (Reason.LICENCE_NOT_ALLOWED, f"{field.name}: {shorten(name.strip(), LONGEST_NAME)}")
        for value, name in names.items()
        if not is_allowed(name, allowed.licences)
    }


def _is_licence(name: str) -> bool:
    parts = [part for part in _BETWEEN.split(name.strip().lower()) if part]
    return all(is_known(part) or part in NO_LICENCE for part in parts)
