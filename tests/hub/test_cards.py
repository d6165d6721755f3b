"""Reading cards: those of today, those of 2020, broken ones and hostile ones."""

import subprocess
import sys
import time

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Card, Statement
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import MAX_CARD_BYTES, parse_card


def card(head: str, body: str = "") -> Card:
    return parse_card(f"---\n{head}\n---\n{body}".encode())


def unreadable(data: bytes) -> str:
    with pytest.raises(HubRefused) as refusal:
        parse_card(data)
    assert refusal.value.reason is Reason.CARD_UNREADABLE
    return str(refusal.value)


@pytest.mark.parametrize(
    ("head", "languages"),
    [
        ("language: no", ("no",)),
        ("language:\n- no\n- yes\n- on", ("no", "yes", "on")),
        ("language: [EN, en-US, zh_CN]", ("en", "en-us", "zh-cn")),
        ("languages:\n- en", ("en",)),
        ("languages:\n  one:\n  - en\n  two:\n  - de\n  - en", ("en", "de")),
        ("language: English", ("en",)),
        ("language: '- en'", ("en",)),
        ("language: en, de", ("en", "de")),
        ("language:\n- null\n- ''\n- ~", ()),
        ("language: {}", ()),
        ("language: true", ()),
        ("license: mit", ()),
    ],
)
def test_languages(head: str, languages: tuple[str, ...]) -> None:
    assert card(head).languages == languages


@pytest.mark.parametrize(
    ("head", "licences"),
    [
        ("license: MIT", ("mit",)),
        ("license: [mit, apache-2.0, mit]", ("mit", "apache-2.0")),
        ("licenses:\n- cc-by-sa-4-0", ("cc-by-sa-4.0",)),
        ("licenses:\n- cc0-1-0\n- gpl-3-0-or-later", ("cc0-1.0", "gpl-3.0")),
        ("license: other-C-UDA", ("c-uda",)),
        ("license: gfdl-1.3-or-later", ("gfdl",)),
        ("license: MIT, Apache 2.0", ("mit", "apache-2.0")),
        ("license: Rights of A, B and C", ("rights-of-a,-b-and-c",)),
        ("license: other\nlicense_name: CC BY-SA 4.0", ("cc-by-sa-4.0",)),
        ("license: other\nlicense_name: house rules", ("other",)),
        ("license: [other, mit]\nlicense_name: apache-2", ("apache-2.0", "mit")),
        ("license: CC BY-SA 4.0", ("cc-by-sa-4.0",)),
        ("licenses:\n  a: [mit]\n  b: [unkown]", ("mit", "unknown")),
        ("license: unknown-", ("unknown",)),
        ("license: null", ()),
        ("license:", ()),
        ("pretty_name: x", ()),
    ],
)
def test_licences(head: str, licences: tuple[str, ...]) -> None:
    assert card(head).licences == licences


def test_what_else_is_read_of_the_head() -> None:
    read = card(
        "pretty_name: A name\nlicense: other\nlicense_name: my-licence\n"
        "task_categories: [text-classification]\ntags: [legal]\ndate: 2021-01-01\n"
        "configs:\n- config_name: small\n  data_files: 'small/*.csv'\n  default: true\n- words"
    )
    assert read.pretty_name == "A name"
    assert read.licence_name == "my-licence"
    assert read.tags == ("task_categories:text-classification", "legal")
    assert read.configs == ({"config_name": "small", "data_files": "small/*.csv", "default": True},)


def test_quoted_words_stay_words() -> None:
    assert card("pretty_name: 'null'").pretty_name == "null"
    assert card('pretty_name: "true"').pretty_name == "true"
    assert card("pretty_name: null").pretty_name == ""


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"# Only text", b"---", b"---\n---", b"---\nlicense: mit", b"\xff\xfe\x00"],
)
def test_without_a_head_nothing_is_known(data: bytes) -> None:
    read = parse_card(data)
    assert (read.licences, read.languages, read.configs) == ((), (), ())


def test_the_whole_text_is_read_where_there_is_no_head() -> None:
    text = "# Words\n\nA collection of ten thousand old words, with their meanings.\n"
    summary = parse_card(text.encode()).summary
    assert summary == "A collection of ten thousand old words, with their meanings."


@pytest.mark.parametrize(
    "head",
    [
        b"license: [mit",
        b"a: b: c",
        b"license: 'mit",
        b"- a\n- list",
        b"just words",
        b"\tlicense: mit",
        b"a: &x [1]\nb: *x",
        b"a: " + b"[" * 100 + b"]" * 100,
        b"license: \x07mit",
    ],
)
def test_a_broken_head_is_refused(head: bytes) -> None:
    unreadable(b"---\n" + head + b"\n---\ntext")


def test_aliases_cannot_expand() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "alias" in unreadable(f"---\n{chr(10).join(lines)}\n---\n".encode()).lower()


def test_a_card_over_five_megabytes_is_refused() -> None:
    assert str(MAX_CARD_BYTES) in unreadable(b"x" * (MAX_CARD_BYTES + 1))


@pytest.mark.parametrize(
    "body",
    [
        b"word " * 900_000,
        b"> " * 2_000_000,
        b"[" * 4_000_000,
        b"<div>" * 900_000,
        b"*a_ " * 1_000_000,
        b"<!-- " * 900_000,
        b"`" * 4_000_000,
        b"- " * 2_000_000,
    ],
)
def test_the_largest_cards_are_read_in_seconds(body: bytes) -> None:
    started = time.process_time()
    parse_card(b"---\nlicense: mit\n---\n" + body)
    assert time.process_time() - started < 20


def test_a_head_that_is_too_large_is_refused() -> None:
    unreadable(b"---\nlicense: " + b"m" * 2_000_000 + b"\n---\n")


def test_bytes_that_are_no_utf8_are_replaced_and_zeros_dropped() -> None:
    read = parse_card(
        b'---\npretty_name: "caf\xe9 \\0"\n---\n\x00Words\x01 here, many of them, all plain.'
    )
    assert read.pretty_name == "caf\N{REPLACEMENT CHARACTER}"
    assert "\x00" not in read.summary
    assert "\x01" not in read.summary


SUMMARY = "This is a set of **reviews** of [cafés](https://x.example), written in 2021."


def test_the_summary_section_wins_and_is_plain() -> None:
    read = card(
        "license: mit",
        "# Table of Contents\n- [Dataset Summary](#dataset-summary)\n\n"
        "## Dataset Description\n- **Homepage:** https://a.example\n\n"
        f"### Dataset Summary\n\n<p align='center'><img src='x.png' onerror='alert(1)'></p>\n\n"
        f"{SUMMARY}\n<script>alert(1)</script>\n<!-- hidden words -->\n\n"
        "```python\nprint('code')\n```\n\n"
        "- one <b>bold</b> point\n- [More](#more)\n\n[More Information Needed]\n\n"
        "### Languages\nEnglish\n",
    )
    assert read.summary == ("This is a set of reviews of cafés, written in 2021.\none bold point")


def test_the_description_stands_in_for_a_summary_that_is_not_given() -> None:
    read = card(
        "license: mit",
        "## Dataset Description\n\n- **Paper:** none\n\nQuestions about rivers and their lengths.\n"
        "### Dataset Summary\n[More Information Needed]\n",
    )
    assert read.summary == "Questions about rivers and their lengths."


@pytest.mark.parametrize(
    "body",
    [
        "## Dataset Summary\n[More Information Needed]\n## Data Fields\nThe fields are many, many.",
        "# Name\n\n## Citation Information\nSomebody, somewhere, some time ago, and others.",
        "- **Homepage:**\n- **Point of Contact:**\n- **Size of downloaded dataset files:** 1 MB",
    ],
)
def test_no_description_gives_no_summary(body: str) -> None:
    assert card("license: mit", body).summary == ""


def test_a_long_summary_ends_with_a_sentence() -> None:
    read = card("license: mit", "## Dataset Summary\n" + "Ten words stand in this sentence. " * 200)
    assert 1_900 < len(read.summary) <= 2_000
    assert read.summary.endswith("sentence.")


def test_sentences_on_rights_are_kept_with_their_heading() -> None:
    read = card(
        "license: mit",
        "## Summary\nx\n### Licensing Information\n\nCC **BY-NC** 4.0,\nsays the author.\n\n"
        "### Citation Information\nnobody\n",
    )
    wanted = Statement("Licensing Information", "CC BY-NC 4.0, says the author.")
    assert read.statements[-1] == wanted


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.text(max_size=400))
def test_any_bytes_give_a_card_or_a_refusal(head: bytes, body: str) -> None:
    for data in (head, b"---\n" + head + b"\n---\n" + body.encode("utf-8", "replace")):
        try:
            read = parse_card(data)
        except HubRefused as refusal:
            assert refusal.reason is Reason.CARD_UNREADABLE  # noqa: PT017
        else:
            said = [text for item in read.statements for text in (item.place, item.text)]
            for text in (read.summary, read.pretty_name, *read.licences, *said):
                assert "\x00" not in text
                text.encode()


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abcno- :*&{}[]'\"#|>\n", max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=3), inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(YAML_VALUES, YAML_VALUES, YAML_VALUES)
def test_any_yaml_value_under_the_known_keys_is_survived(
    licence: object, language: object, configs: object
) -> None:
    head = yaml.safe_dump({"license": licence, "language": language, "configs": configs})
    try:
        read = card(head)
    except HubRefused as refusal:
        assert refusal.reason is Reason.CARD_UNREADABLE  # noqa: PT017 - as for aliases
    else:
        assert all(read.licences)
        assert all(read.languages)
        assert all(isinstance(config, dict) for config in read.configs)


def test_line_breaks_of_any_kind_part_the_sections() -> None:
    body = "# A\u2028B\x0c\r\nfirst\r## Licensing Information\r\nCC BY-NC\r\n## Next\nlast\n"
    wanted = Statement("Licensing Information", "CC BY-NC")
    assert card("license: mit", body).statements[-1] == wanted


COMPILED = """
from markdown_it.ruler import Ruler

from dynosaur_etl.hub.card_text import parse_text, sections_of, summary_of

def refuse(ruler):
    raise SystemExit("the rules are compiled while threads may read them half done")

Ruler.__compile__ = refuse
parsed = parse_text("## Dataset Summary\\n\\n- *Questions* about `food`, all real.")
print(summary_of(sections_of(parsed)))
"""


def test_the_parsers_are_ready_before_any_thread_reads_a_card() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr) == ("Questions about food, all real.\n", "")
