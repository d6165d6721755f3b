"""Thoughts in every spelling: what is left is the answer, and never the draft."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.thoughts import without_thoughts

DRAFT = '[{"instruction": "the draft"}]'
FINAL = '[{"instruction": "the answer"}]'

SPELLINGS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<THINK>", "</Think>"),
    ("< think >", "</ think >"),
    ("<think>", "</thinking>"),
    ('<think effort="high">', "</think>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<chain-of-thought>", "</chain-of-thought>"),
    ("<antThinking>", "</antThinking>"),
    ("<seed:think>", "</seed:think>"),
    ("<scratchpad>", "</scratchpad>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|think|>", "<|/think|>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("<unused94>thought", "<unused95>"),
    ("```thinking\n", "\n```\n"),
    ("Here is my thought process:", "Here is my response:"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    (
        "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>",
        "<|call|><|start|>assistant<|channel|>final <|constrain|>json<|message|>",
    ),
    ("analysisWe need tasks.", "assistantfinal"),
]


@pytest.mark.parametrize(("begin", "end"), SPELLINGS)
def test_the_draft_goes_and_the_answer_stays(begin: str, end: str) -> None:
    for space in ("", "\n", " \n\n"):
        answer = f"{space}{begin}Maybe {DRAFT}?{space}{end}{space}{FINAL}"
        assert without_thoughts(answer).strip() == FINAL


@pytest.mark.parametrize("begin", [begin for begin, _ in SPELLINGS])
def test_a_thought_without_an_end_is_the_whole_answer(begin: str) -> None:
    assert without_thoughts(f"{begin}Maybe {DRAFT}").strip() == ""


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (f"{DRAFT} no, better:</think>{FINAL}", FINAL),
        (f"<think>a<think>b</think>{DRAFT}</think>{FINAL}", FINAL),
        (f"<think>a<think>b</think>{DRAFT}", ""),
        (f"<think>{DRAFT}<think/>{FINAL}", FINAL),
        (f"<think></think>{FINAL}<think>{DRAFT}", FINAL),
        (f"<think>one</think>{FINAL}<think>{DRAFT}</think>", FINAL),
        (f"{FINAL}<|end|>", f"{FINAL}<|end|>"),
        ("<think></think>", ""),
        ("", ""),
        (f"<|channel|>final<|message|>{FINAL}<|return|>", FINAL),
        (f"<|channel|>analysis<|message|>x<|end|><|channel|>commentary<|message|>{DRAFT}", ""),
    ],
)
def test_thoughts_that_are_nested_open_or_repeated(answer: str, left: str) -> None:
    assert without_thoughts(answer).strip() == left


@pytest.mark.parametrize(
    "own",
    [
        '[{"instruction": "Put your reasoning into <think></think> tags."}]',
        'Here you are: {"instruction": "Close it by </think> and answer."} Done.',
        '```json\n[{"instruction": "Begin with [THINK]."}]\n```',
        '"<|channel|>analysis<|message|>"',
        "An analysis of <code>x</code>, and if a < b then think > c.",
        "Analysis is what I did: 4.5",
    ],
)
def test_an_answer_that_speaks_of_tags_keeps_its_words(own: str) -> None:
    assert without_thoughts(own) == own


PIECES = st.sampled_from(
    ["<think>", "</think>", "<|channel|>", "<|message|>", "final", "analysis", "[THINK]", "{", "[",
     '"', "]", "}", "\n```", "think", "<", ">", "&lt;", "◁think▷", "x", " "]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40))
def test_no_text_breaks_it_and_nothing_is_made_up(pieces: list[str]) -> None:
    text = "".join(pieces)
    left = without_thoughts(text)
    rest = iter(text)
    assert all(letter in rest for letter in left), "what is left is part of the text, in its order"
    assert without_thoughts(f"<think>{text.replace('think', '')}") == ""


@pytest.mark.parametrize(
    "piece",
    ["[", "<", "<think>", "</think>", "<think></think>", '{"a":', "[1,", "< ", " ", "<a", "&lt;",
     "```think\n", "Here is my thought process:", "<|channel|>a<", "<|channel|>", "analysis",
     "assistant final", '["a'],
)  # fmt: skip
def test_a_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.monotonic()
    without_thoughts(text)
    assert time.monotonic() - started < 10
