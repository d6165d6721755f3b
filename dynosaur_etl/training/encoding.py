"""Examples as token numbers, in the form of the model that is trained or asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.inference.chat_tokens import (
    AnswerTokens,
    chat_prompt,
    chat_tokens,
    limited,
    plain_tokens,
)
from dynosaur_etl.training.examples import ANSWER_MARK
from dynosaur_etl.training.sets import Example


@dataclass(frozen=True)
class Encoded:
    """Examples as tokens, in their order.

    Attributes:
        cut: how many lost tokens to the limit.
    """

    texts: tuple[AnswerTokens, ...]

    @property
    def cut(self) -> int:
        return sum(text.cut for text in self.texts)

    @property
    def tokens(self) -> int:
        """Tokens of prompts and answers."""
        return sum(map(len, self.texts))

    @property
    def answer_tokens(self) -> int:
        return sum(text.answer_length for text in self.texts)


def encode(tokenizer: Any, examples: Sequence[Example], longest: int | None) -> Encoded:
    """Return the tokens of examples for a causal model.

    The model's chat template writes them; without one a plain prompt ends with `ANSWER_MARK`.

    Args:
        tokenizer: of transformers.
        examples: each with its first answer.
        longest: most tokens of one, see `chat_tokens.limited`.

    Raises:
        InvalidInput: the template cannot be masked.
    """
    return Encoded(tuple(_encoded(tokenizer, example, longest) for example in examples))


def encode_pairs(tokenizer: Any, examples: Sequence[Example], longest: int) -> Encoded:
    """Return the tokens of examples for a sequence-to-sequence model: input, then target.

    Both ends are marked as the tokenizer does it; an input is cut before its last tokens.
    """
    found = []
    for example in examples:
        asked = list(tokenizer(plain_prompt(example))["input_ids"])
        said = list(tokenizer(text_target=example.answer)["input_ids"])
        source, target = limited(asked, [], longest), said[:longest]
        cut = source.cut or len(said) > longest
        found.append(AnswerTokens((*source.ids, *target), len(source.ids), cut))
    return Encoded(tuple(found))


def prompt_text(tokenizer: Any, example: Example) -> str:
    """Return the text after which a causal model answers."""
    if tokenizer.chat_template:
        return chat_prompt(tokenizer, example.turns)
    return _marked(example)


def plain_prompt(example: Example) -> str:
    """Return the prompt of a model without a chat template: its turns, an empty line between."""
    return "\n\n".join(turn["content"] for turn in example.turns)


def _encoded(tokenizer: Any, example: Example, longest: int | None) -> AnswerTokens:
    if tokenizer.chat_template:
        return chat_tokens(tokenizer, example.turns, example.answer, longest)
    return plain_tokens(tokenizer, _marked(example), example.answer, longest)


def _marked(example: Example) -> str:
    return f"{plain_prompt(example)}\n\n{ANSWER_MARK}"
