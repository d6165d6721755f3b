"""Every place of a card is read: YAML, headings, lists, tables, code, HTML, links, comments."""

import time

import pytest

from dynosaur_etl.domain.models import Card
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.filters import examine_card
from dynosaur_etl.settings import Settings

LICENCES = Settings.model_fields["licences"].default
SAID = "For non-commercial research only."

PLACES = {
    "first line": SAID,
    "summary": f"## Dataset Summary\n{SAID}",
    "usage": f"## Usage\n{SAID}",
    "deep subsection": f"# A\n## B\n### C\n#### D\n{SAID}",
    "heading": "## For non-commercial research only",
    "setext heading": "For non-commercial research only\n---\nMore.",
    "bold": f"**{SAID}**",
    "bold paragraph before": "**License**\n\nCC BY-NC-SA 4.0",
    "quote": f"> Note\n> {SAID}",
    "list": f"- one\n- {SAID}",
    "nested list": f"1. one\n   - two\n     * {SAID}",
    "led-in list": "You may not:\n- share it\n- use it commercially",
    "template bullet": "## Dataset Details\n- **Curated by:** A\n- **License:** CC BY-NC 4.0",
    "table": "## License\n\n| part | licence |\n|---|---|\n| texts | CC BY-NC-SA 4.0 |",
    "table column": "## License\n\n| use | commercial use |\n|---|---|\n| texts | not allowed |",
    "code": f"## License\n```\n{SAID}\n```",
    "indented code": f"## License\n\n    {SAID}\n",
    "wrapped lines": "## License\nFor\nnon-commercial\nresearch\nonly.",
    "html": f"<div><p>{SAID}</p></div>",
    "html heading": "<h2>License: CC BY-NC 4.0</h2>",
    "html list": f"<ul><li>x</li><li><b>{SAID}</b></li></ul>",
    "html table": "<table><tr><td>texts</td><td>CC BY-NC 4.0</td></tr></table>",
    "html link": '<a href="https://creativecommons.org/licenses/by-nc/4.0/">licence</a>',
    "inline html": f"x <span>{SAID}</span>",
    "details": f"<details><summary>More</summary>\n\n{SAID}\n\n</details>",
    "comment": f"<!-- {SAID} -->",
    "link target": "Our [licence](https://creativecommons.org/licenses/by-nc-sa/4.0/).",
    "named link": "Our [licence][1].\n\n[1]: https://creativecommons.org/licenses/by-nc/4.0/",
    "bare link": "<https://creativecommons.org/licenses/by-nc/4.0/>",
    "badge": "[![x](https://img.shields.io/badge/License-CC%20BY--NC%204.0-blue.svg)](LICENSE)",
    "picture's text": "![License: CC BY-NC 4.0](badge.svg)",
    "footnote": f"See below[^1].\n\n[^1]: {SAID}",
    "entities": "For non&#45;commercial research only.",
    "no-break hyphens": "For non\u2011commercial research only.",
    "capitals": SAID.upper(),
    "far down": "x\n\n" * 60_000 + SAID,
}
KEYS = {
    "license_details": "license_details: research only, no commercial use",
    "license_link": "license_link: https://creativecommons.org/licenses/by-nc/4.0/",
    "license_name": "license_name: non-commercial",
    "extra_gated_prompt": "extra_gated_prompt: You agree to use it for research only.",
    "extra_gated_fields": "extra_gated_fields:\n  I agree to non-commercial use only: checkbox",
    "tags": "tags: [text, non-commercial]",
    "own key": "usage:\n  terms:\n  - For academic use only",
}


def card(body: str, head: str = "") -> Card:
    return parse_card(f"---\nlicense: cc-by-4.0\nlanguage: en\n{head}\n---\n{body}\n".encode())


@pytest.mark.parametrize("place", PLACES)
def test_a_restriction_is_found_wherever_it_stands(place: str) -> None:
    verdict = examine_card(card(PLACES[place]), LICENCES, ("en",))
    assert verdict.reason is Reason.LICENCE_CONFLICT, card(PLACES[place]).statements


@pytest.mark.parametrize("key", KEYS)
def test_a_restriction_is_found_under_any_key_of_the_yaml(key: str) -> None:
    verdict = examine_card(card("", KEYS[key]), LICENCES, ("en",))
    assert verdict.reason is Reason.LICENCE_CONFLICT, card("", KEYS[key]).statements


@pytest.mark.parametrize(
    "body",
    [
        '## Data Instances\n```\n{"text": "All rights reserved.", "label": 1}\n```',
        '## Dataset Structure\n### python\n```\n{"licence": "cc-by-nc-4.0"}\n```',
        "## Citation\n```\n@article{x,\n title={Non-commercial use only},\n year={2020}\n}\n```",
        "## Usage\n```python\nprivate = internal.copy()\nraise PermissionError(private)\n```",
        'One row: {"text": "You may not use it commercially.", "label": "no"}',
    ],
)
def test_examples_and_programs_say_nothing_of_the_data(body: str) -> None:
    assert examine_card(card(body), LICENCES, ("en",)).keep


@pytest.mark.parametrize(
    "features",
    [
        "dataset_info:\n  features:\n  - name: all rights reserved\n    dtype: string",
        "dataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n"
        "        names:\n          '0': non-commercial use only",
        "configs:\n- config_name: non-commercial\n  data_files: research-only.csv",
    ],
)
def test_names_of_fields_labels_and_configs_say_nothing(features: str) -> None:
    assert examine_card(card("", features), LICENCES, ("en",)).keep


def test_a_question_is_read_with_its_answer() -> None:
    yes = "## FAQ\nCan I use it commercially? Yes."
    no = "## FAQ\nCan I use it commercially? No."
    assert examine_card(card(yes), LICENCES, ("en",)).keep
    assert not examine_card(card(no), LICENCES, ("en",)).keep


@pytest.mark.parametrize(
    "body",
    [
        "[" * 50_000 + "licence",
        "<b>" * 20_000 + "licence",
        "licence " * 600_000,
        "(" * 100_000 + "use only",
        "| only " * 15_000,
        "> - " * 5_000 + "only for research",
        "use not " * 100_000,
        "cc-by-" * 100_000,
        "commercial-non-" * 60_000,
    ],
)
def test_a_hostile_card_takes_little_time(body: str) -> None:
    start = time.process_time()
    examine_card(card(body), LICENCES, ("en",))
    assert time.process_time() - start < 20
