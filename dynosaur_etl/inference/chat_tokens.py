"""A prompt and its answer as token numbers, with the place where the answer begins.

The prompt is tokenised by itself, exactly as it is when the model is asked; what follows it, the
answer and the mark that ends the turn, is tokenised after it. So the first token that a loss counts
is the first that the model has to say, whatever the tokenizer merges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

IGNORED = -100
"""The label of a token that no loss counts, as torch and transformers have it."""

_TAIL = 64
"""Tokens at a prompt's end that a cut leaves: the end of the input, and the turn's header."""

ChatTurn = Mapping[str, Any]


@dataclass(frozen=True)
class AnswerTokens:
    """Tokens of a prompt and its answer.

    Attributes:
        ids: of all tokens.
        answer_from: position of the first token of the answer.
        cut: whether the prompt or the answer lost tokens to the limit.
    """

    ids: tuple[int, ...]
    answer_from: int
    cut: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def answer_length(self) -> int:
        """Tokens of the answer, the mark that ends it among them."""
        return len(self.ids) - self.answer_from

    @property
    def labels(self) -> list[int]:
        """The tokens of the answer; `IGNORED` in place of the prompt's."""
        return [IGNORED] * self.answer_from + list(self.ids[self.answer_from :])


def chat_tokens(
    tokenizer: Any, prompt: Sequence[ChatTurn], answer: str, longest: int | None = None
) -> AnswerTokens:
    """Return the tokens of a conversation whose last turn is the answer.

    Args:
        tokenizer: of transformers, with a chat template.
        prompt: turns with `role` and `content`, the user's last.
        answer: of the assistant.
        longest: most tokens of all; see `limited`.

    Raises:
        InvalidInput: with the answer in it, the template writes the prompt otherwise.
    """
    return limited(*_texts_as_tokens(tokenizer, *chat_texts(tokenizer, prompt, answer)), longest)


def chat_texts(tokenizer: Any, prompt: Sequence[ChatTurn], answer: str) -> tuple[str, str]:
    """Return what a chat template writes before the answer, and from it to the end of its turn."""
    asked = chat_prompt(tokenizer, prompt)
    turns = [*map(dict, prompt), {"role": "assistant", "content": answer}]
    whole = tokenizer.apply_chat_template(turns, tokenize=False)
    if not whole.startswith(asked):
        words = "a template that writes the same prompt with and without its answer"
        raise InvalidInput(not_allowed("chat template", f"{whole[-200:]!r} after a prompt", words))
    return asked, whole[len(asked) :].rstrip()


def chat_prompt(tokenizer: Any, prompt: Sequence[ChatTurn]) -> str:
    """Return the text after which a model answers."""
    text: str = tokenizer.apply_chat_template(
        [*map(dict, prompt)], tokenize=False, add_generation_prompt=True
    )
    return text


def plain_tokens(
    tokenizer: Any, prompt: str, answer: str, longest: int | None = None
) -> AnswerTokens:
    """Return the tokens of plain texts, for a model without a chat template."""
    asked = list(tokenizer(prompt, add_special_tokens=True)["input_ids"])
    if asked and asked[-1] == tokenizer.eos_token_id:
        asked.pop()
    said = list(tokenizer(answer, add_special_tokens=False)["input_ids"])
    return limited(asked, [*said, tokenizer.eos_token_id], longest)


def _texts_as_tokens(tokenizer: Any, asked: str, said: str) -> tuple[list[int], list[int]]:
    prompt = list(tokenizer(asked, add_special_tokens=False)["input_ids"])
    answer = list(tokenizer(said, add_special_tokens=False)["input_ids"])
    if not answer or answer[-1] not in tokenizer.all_special_ids:
        answer.append(tokenizer.eos_token_id)
    return prompt, answer


def limited(prompt: list[int], answer: list[int], longest: int | None) -> AnswerTokens:
    """Return both, cut so that they have at most `longest` tokens together.

    An answer keeps up to half of them, and all that the prompt does not need; it is cut at its end,
    its mark of the end too. A prompt is cut before its last tokens, which hold the end of the input
    and the header of the answer's turn.

    Raises:
        InvalidInput: `longest` has no room for a prompt's end and an answer.
    """
    if longest is None or len(prompt) + len(answer) <= longest:
        return AnswerTokens((*prompt, *answer), len(prompt))
    if longest < 2 * _TAIL:
        raise InvalidInput(not_allowed("longest text in tokens", longest, f"{2 * _TAIL} or more"))
    room = max(longest // 2, longest - len(prompt))
    said = answer[:room]
    left = longest - len(said)
    asked = prompt if len(prompt) <= left else prompt[: left - _TAIL] + prompt[-_TAIL:]
    return AnswerTokens((*asked, *said), len(asked), cut=True)
