"""What is asked of an LLM and what it answers: the unit that is paid once and stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from dynosaur_etl.domain.identity import canonical_json, digest
from dynosaur_etl.domain.text import clean_json, clean_text

SCHEMA_NAME = "answer"


class Purpose(StrEnum):
    """What requests are paid for; a run's budget is kept for each by itself."""

    PROPOSE = "propose"
    CRITIC = "critic"
    JUDGE = "judge"


REASONING_TOKENS = 4_000
"""Room that a reasoning model gets to think in; it is billed as part of the answer."""

_REASONING = re.compile(r"(^|/)(o\d|gpt-5(?!-chat))")
_MESSAGE_OVERHEAD = 16
_REQUEST_OVERHEAD = 64


@dataclass(frozen=True, eq=False)
class ChatRequest:
    """One request for a chat completion; requests are compared by `key`.

    Attributes:
        purpose: what it is paid for, as the budget and the cost report group it.
        subject: what it is about, for people; no part of the key.
        messages: with `role` and `content`; texts are cleaned when the request is made, so that
            the key, the stored body and the sent body agree.
        schema: a strict JSON schema of the answer, or None for free text.
        max_tokens: most tokens of the answer, without a reasoning model's thoughts.
        prompt_version: of the wording; a new version asks again.
    """

    purpose: Purpose
    subject: str
    model: str
    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any] | None
    max_tokens: int
    temperature: float
    prompt_version: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", clean_text(self.subject))
        object.__setattr__(self, "messages", tuple(clean_json(dict(m)) for m in self.messages))
        if self.schema is not None:
            object.__setattr__(self, "schema", clean_json(dict(self.schema)))

    @cached_property
    def key(self) -> str:
        """The same content has the same key, whatever it is asked for and on any day."""
        parameters = (self.model, self.max_tokens, float(self.temperature))
        return digest("chat", parameters, self.prompt_version, self.messages, self.schema)

    @property
    def reasons(self) -> bool:
        """Whether the model is one of OpenAI's that think before they answer (o1, o3, gpt-5...)."""
        return _REASONING.search(self.model) is not None

    @property
    def most_completion_tokens(self) -> int:
        """The most tokens that the server may bill for the answer."""
        return self.max_tokens + (REASONING_TOKENS if self.reasons else 0)

    @cached_property
    def prompt_bytes(self) -> int:
        """Bytes of the prompt, see `prompt_bytes`."""
        return prompt_bytes(self.messages, self.schema)

    def body(self) -> dict[str, Any]:
        """Return the JSON body of `POST /chat/completions`.

        Reasoning models refuse `max_tokens` and any temperature of one's own; many servers that
        are not OpenAI's know nothing but `max_tokens`.
        """
        body: dict[str, Any] = {"model": self.model, "messages": list(self.messages)}
        if self.reasons:
            body["max_completion_tokens"] = self.most_completion_tokens
        else:
            body |= {"max_tokens": self.max_tokens, "temperature": self.temperature}
        if self.schema is not None:
            schema = {"name": SCHEMA_NAME, "strict": True, "schema": self.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body


def prompt_bytes(messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any] | None) -> int:
    """Return the bytes of messages and schema with what a server puts around them.

    Every token of a byte-level vocabulary covers at least one byte, so this bounds the tokens of
    the prompt.
    """
    texts = canonical_json([*messages, schema]).encode()
    return len(texts) + _REQUEST_OVERHEAD + _MESSAGE_OVERHEAD * len(messages)


@dataclass(frozen=True)
class Answer:
    """A chat completion as it came; every part may be missing but the model.

    Attributes:
        model: as the server names it.
        prompt_tokens: None, like the other two, where the server did not say.
        cached_tokens: those of the prompt that were billed as cached.
    """

    content: str | None
    refusal: str | None
    finish_reason: str | None
    model: str
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
