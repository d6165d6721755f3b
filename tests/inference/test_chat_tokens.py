"""What a loss counts, shown on the tokens themselves, for templates of four families."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.inference.chat_tokens import (
    IGNORED,
    chat_prompt,
    chat_tokens,
    limited,
    plain_tokens,
)
from tests.training.tiny import ENDS, TEMPLATES, byte_tokenizer

PROMPT = [{"role": "user", "content": "Where is the boat?\n\nNote 3: it came back late.\n"}]
ANSWERS = ["In the harbour.", "a:\n\nb", "日本語 ✓", "x", " with blanks "]


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("merges", [False, True])
def test_the_loss_counts_the_answer_and_the_end_of_its_turn_and_nothing_else(
    name: str, answer: str, merges: bool
) -> None:
    tokenizer = byte_tokenizer(TEMPLATES[name], merges=merges)
    found = chat_tokens(tokenizer, PROMPT, answer)
    counted = [token for token in found.labels if token != IGNORED]
    kept = answer.strip() if "trim" in TEMPLATES[name] else answer
    lead = " " if name == "mistral" else ""
    assert tokenizer.decode(counted) == lead + kept + ENDS[name]
    asked = tokenizer(chat_prompt(tokenizer, PROMPT), add_special_tokens=False)["input_ids"]
    assert list(found.ids[: found.answer_from]) == asked
    assert found.labels[: found.answer_from] == [IGNORED] * len(asked)
    assert found.answer_length == len(counted) == len(found) - found.answer_from
    assert not found.cut


def test_earlier_turns_of_the_assistant_are_not_counted() -> None:
    tokenizer = byte_tokenizer()
    turns = [PROMPT[0], {"role": "assistant", "content": "Late."}, PROMPT[0]]
    found = chat_tokens(tokenizer, turns, "In the harbour.")
    counted = [token for token in found.labels if token != IGNORED]
    assert tokenizer.decode(counted) == "In the harbour.<|im_end|>"
    assert "Late." in tokenizer.decode(found.ids[: found.answer_from])


def test_a_template_without_an_end_gets_the_tokenizers_own() -> None:
    tokenizer = byte_tokenizer("{% for message in messages %}{{ message['content'] }}|{% endfor %}")
    found = chat_tokens(tokenizer, PROMPT, "yes")
    assert tokenizer.decode([t for t in found.labels if t != IGNORED]) == "yes|</s>"


def test_a_template_that_writes_the_prompt_otherwise_is_refused() -> None:
    template = (
        "{{ messages | length }}{% for message in messages %}{{ message['content'] }}{% endfor %}"
    )
    with pytest.raises(InvalidInput, match="chat template"):
        chat_tokens(byte_tokenizer(template), PROMPT, "yes")


def test_a_plain_prompt_is_tokenised_as_when_it_is_asked() -> None:
    tokenizer = byte_tokenizer(None, merges=True)
    found = plain_tokens(tokenizer, "Say it.\n\n### Response:\n", "\nthan")
    asked = tokenizer("Say it.\n\n### Response:\n")["input_ids"]
    assert list(found.ids[: found.answer_from]) == asked
    assert tokenizer.decode([t for t in found.labels if t != IGNORED]) == "\nthan</s>"


LISTS = st.lists(st.integers(0, 9), min_size=1, max_size=600)


@given(LISTS, LISTS, st.integers(128, 512))
def test_a_limit_keeps_the_ends_of_a_prompt_and_the_beginning_of_an_answer(
    prompt: list[int], answer: list[int], longest: int
) -> None:
    found = limited(prompt, answer, longest)
    assert len(found) <= longest
    asked, said = list(found.ids[: found.answer_from]), list(found.ids[found.answer_from :])
    assert found.cut == (len(prompt) + len(answer) > longest)
    assert said == answer[: len(said)]
    assert len(said) >= min(len(answer), longest // 2)
    if len(asked) < len(prompt):
        assert asked[-64:] == prompt[-64:]
        assert asked[:-64] == prompt[: len(asked) - 64]
        assert len(found) == longest
    else:
        assert asked == prompt


def test_no_room_is_refused() -> None:
    with pytest.raises(InvalidInput, match="128 or more"):
        limited([1] * 100, [2] * 100, 127)
