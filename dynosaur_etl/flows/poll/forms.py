"""Judging a config by its form: what instruction set it is, in which languages, and whether again.

A config that is no instruction set is judged by its fields and by the language of its text, as one
about which an LLM is asked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import KEEP, Card, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.find import find_form
from dynosaur_etl.forms.form import FoundForm
from dynosaur_etl.forms.instances import NativeInstance, NativeRules
from dynosaur_etl.forms.languages import LANGUAGE_COLUMNS, language_code
from dynosaur_etl.forms.native import native_instances
from dynosaur_etl.forms.values import decoded_rows
from dynosaur_etl.hub.filters import examine_fields, examine_language, leaves_language_open
from dynosaur_etl.hub.language import MAX_ROWS, detect_language, detect_text_language
from dynosaur_etl.hub.nested_fields import with_parts
from dynosaur_etl.hub.rows import ConfigSample

LEAST_REPEATED = 0.9

Rows = Sequence[dict[str, Any]]


@dataclass
class SeenRows:
    """The rows of the configs of one dataset that are kept so far."""

    _digests: set[str] = field(default_factory=set)

    def repeats(self, rows: Rows) -> bool:
        """Return whether nine tenths of the rows are those of earlier configs; else keep them."""
        found = {digest(repr(row)) for row in rows}
        if found and len(found & self._digests) >= LEAST_REPEATED * len(found):
            return True
        self._digests |= found
        return False


@dataclass(frozen=True)
class JudgedConfig:
    """What a config is, and whether it is kept.

    Attributes:
        form: of an instruction set; None where it is none.
        sample: its rows as they are stored; those of no instruction set with parts of their own.
        languages: that were found where the card leaves the language open.
    """

    verdict: Verdict
    sample: ConfigSample
    form: FoundForm | None = None
    languages: tuple[str, ...] = ()


def judge_config(
    card: Card, sample: ConfigSample, languages: Sequence[str], seen: SeenRows
) -> JudgedConfig:
    """Judge a config whose features let it pass, by what its sampled rows are.

    Args:
        card: of the dataset.
        sample: rows of the config, one at least.
        languages: that are allowed.
        seen: rows of the dataset's earlier configs.
    """
    features = sample.config.features
    table = sample.table.select(list(features))
    form = find_form(features, decoded_rows(features, table.slice(0, MAX_ROWS).to_pylist()))
    if form is None:
        return _by_text(card, with_parts(sample), languages)
    if form.reason is not None:
        return JudgedConfig(Verdict(form.reason, f"{form.words}; {form.detail}"), sample)
    rows = decoded_rows(features, table.to_pylist())
    if seen.repeats(rows):
        return JudgedConfig(Verdict(Reason.REPEATED_CONFIG, f"{len(rows)} sampled rows"), sample)
    verdict, found = _by_instances(card, form, rows, languages)
    return JudgedConfig(verdict, sample, form, found)


def _by_text(card: Card, sample: ConfigSample, languages: Sequence[str]) -> JudgedConfig:
    """Judge a config by its fields, and by the language of its rows where the card lacks one."""
    verdict = examine_fields(sample.config)
    if not verdict.keep or not leaves_language_open(card, languages):
        return JudgedConfig(verdict, sample)
    detected = detect_language(sample)
    found = () if detected is None else (detected,)
    return JudgedConfig(examine_language(card, detected, languages), sample, None, found)


def _by_instances(
    card: Card, form: FoundForm, rows: Rows, languages: Sequence[str]
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge an instruction set by the languages that its rows name, else by what they say."""
    named = _named_languages(rows)
    if named:
        allowed = named & set(languages)
        verdict = KEEP if allowed else _other(sorted(named))
        return verdict, tuple(sorted(allowed))
    if not leaves_language_open(card, languages):
        return KEEP, ()
    rules = NativeRules(tuple(languages))
    made = native_instances(form, rows[:MAX_ROWS], rules)
    texts = [f"{one.instruction}\n{one.output}" for one in made if isinstance(one, NativeInstance)]
    detected = detect_text_language(texts)
    found = () if detected is None else (detected,)
    return examine_language(card, detected, languages), found


def _named_languages(rows: Rows) -> set[str]:
    columns = [name for name in rows[0] if name.lower() in LANGUAGE_COLUMNS]
    codes = (language_code(row.get(name)) for row in rows for name in columns)
    return {code for code in codes if code is not None}


def _other(codes: Collection[str]) -> Verdict:
    words = ", ".join(islice(codes, 10))
    return Verdict(Reason.LANGUAGE_NOT_ALLOWED, f"{words}, as its rows say")
