"""Small sets of the forms of 2024 to 2026: forms, instances, and what is never taught."""

from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.forms.find import find_form
from dynosaur_etl.forms.form import Form
from dynosaur_etl.forms.instances import NativeInstance, NativeRules
from dynosaur_etl.forms.native import native_instances
from tests.forms.recent import Read, expectations, has_instance, outputs_of, read_configs

pytestmark = pytest.mark.xdist_group("recent_hub")

ALL_LANGUAGES = ("en", "es", "de", "fr", "sw")
FORMS = {
    "larkspur-ai/trilingual-sft": Form.MESSAGES,
    "coppergate/ferry-function-calls": Form.CALLS_IN_TEXT,
    "quietriver/glaive-style-calls": Form.CALLS_IN_TEXT,
    "saltmarsh/open-chat-logs": Form.MESSAGES,
    "harrowgate/answer-trees": Form.TREE,
    "pinecrest/mixed-turns": Form.SHAREGPT,
    "amberfield/alpaca-errands": Form.TRIPLE,
    "copperleaf/tldr-market": Form.PAIR,
    "glenmore/plain-dpo-pairs": Form.PREFERENCE,
    "lindisfarne/helpful-harmless-mini": Form.IMPLICIT_PREFERENCE,
    "sablecrest/kto-errands": Form.UNPAIRED_PREFERENCE,
    "greywater/helpful-attributes": Form.SCORED_ANSWERS,
    "highmoor/gsm-ledger": Form.REASONING,
    "candlewick/think-traces": Form.REASONING,
    "westerdale/r1-distill-columns": Form.REASONING,
    "ashdown/verified-math-mini": Form.REASONING,
    "hollowoak/harbour-exams": Form.CHOICES,
    "redfern/quay-challenge": Form.CHOICES,
    "wrenhouse/quaylib-sessions": Form.TRACES,
    "elderflow/harbour-web": Form.CORPUS,
    "larkhill/magpie-harbour-mini": Form.SHAREGPT,
    "yarrowdale/four-tongues": Form.PAIR,
}


@pytest.fixture(scope="module")
def configs(
    recent_hub: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[str, Read]]]:
    return read_configs(recent_hub, tmp_path_factory.mktemp("hub") / "log.jsonl")


def _read(configs: dict[str, list[tuple[str, Read]]], line: dict[str, Any]) -> Read | None:
    named = dict(configs.get(line["id"], []))
    return named.get(line["config"], next(iter(named.values()), None) if named else None)


def _instances(read: Read, languages: tuple[str, ...]) -> list[NativeInstance]:
    found = find_form(read.features, read.rows)
    if found is None:
        return []
    made = native_instances(found, read.rows, NativeRules(languages=languages))
    return [one for one in made if isinstance(one, NativeInstance)]


def test_each_form_is_the_one_that_the_set_was_made_in(
    configs: dict[str, list[tuple[str, Read]]],
) -> None:
    for name, form in FORMS.items():
        _, read = configs[name][0]
        found = find_form(read.features, read.rows)
        assert found is not None, name
        assert found.form is form, (name, found)


def test_every_worked_instance_is_made(
    configs: dict[str, list[tuple[str, Read]]], recent_hub: Path
) -> None:
    checked = 0
    for line in expectations(recent_hub):
        read = _read(configs, line)
        if read is None or not line["instances"]:
            continue
        languages = ALL_LANGUAGES if line["expect"] == "drop" else ("en",)
        made = _instances(read, languages)
        for wanted in line["instances"]:
            assert has_instance(wanted, made), (line["id"], line["config"], wanted)
            checked += 1
    assert checked >= 50


def test_no_text_that_must_never_be_taught_is_an_output(
    configs: dict[str, list[tuple[str, Read]]], recent_hub: Path
) -> None:
    checked = 0
    for line in expectations(recent_hub):
        read = _read(configs, line)
        if read is None or line["expect"] == "drop":
            continue
        outputs = outputs_of(_instances(read, ("en",)))
        for text in line["never_texts"]:
            assert text.strip() not in outputs, (line["id"], line["config"], text)
            checked += 1
    assert checked >= 90
