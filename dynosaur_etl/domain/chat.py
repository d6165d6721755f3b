"""What is asked of an LLM and what it answers: the unit that is paid once and stored."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from dynosaur_etl.domain.identity import canonical_json, digest
from dynosaur_etl.domain.request_form import FIRST_FORM, AnswerFormat, Effort, RequestForm
from dynosaur_etl.domain.text import clean_json, clean_text

SCHEMA_NAME = "answer"
SCHEMA_WORDS = "\n\nAnswer with JSON alone, in the form of this JSON schema: {}"


class Purpose(StrEnum):
    """What requests are paid for; a run's budget is kept for each by itself."""

    PROPOSE = "propose"
    CRITIC = "critic"
    JUDGE = "judge"
    TRIAL = "trial"
    TAGS = "tags"
    COMPARE = "compare"


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
        effort: how much a reasoning model is asked to think.
        form: the parameters that the server takes for the model; no part of the key.
    """

    purpose: Purpose
    subject: str
    model: str
    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any] | None
    max_tokens: int
    temperature: float
    prompt_version: str
    effort: Effort = Effort.NONE
    form: RequestForm = FIRST_FORM

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", clean_text(self.subject))
        object.__setattr__(self, "messages", tuple(clean_json(dict(m)) for m in self.messages))
        if self.schema is not None:
            object.__setattr__(self, "schema", clean_json(dict(self.schema)))

    def in_form(self, form: RequestForm) -> "ChatRequest":
        """Return the same request, under the same key, in another form."""
        if form == self.form:
            return self
        other = copy(self)  # with the key, if it is known
        for made_of_the_form in ("sent_key", "sent_messages", "prompt_bytes"):
            other.__dict__.pop(made_of_the_form, None)
        object.__setattr__(other, "form", form)
        return other

    @cached_property
    def key(self) -> str:
        """The same content has the same key, whatever it is asked for, on any day, in any form."""
        parameters: tuple[object, ...] = (self.model, self.max_tokens, float(self.temperature))
        if self.effort != Effort.NONE:
            parameters = (*parameters, self.effort)
        return digest("chat", parameters, self.prompt_version, self.messages, self.schema)

    @cached_property
    def sent_key(self) -> str:
        """The same body has the same one; of the first form it is the key itself."""
        if self.form == FIRST_FORM:
            return self.key
        return f"{self.key}-{digest(self.body())[:12]}"

    @property
    def most_completion_tokens(self) -> int:
        """The most tokens that the server may bill for the answer, its thoughts among them."""
        return self.max_tokens + self.form.thought_tokens(self.effort)

    @cached_property
    def prompt_bytes(self) -> int:
        """Bytes of the prompt, see `prompt_bytes`."""
        sends_schema = self.form.answer_format == AnswerFormat.JSON_SCHEMA
        return prompt_bytes(self.sent_messages, self.schema if sends_schema else None)

    @cached_property
    def sent_messages(self) -> Sequence[Mapping[str, str]]:
        """The messages; where the server takes no schema, the last one says it in words."""
        if self.schema is None or self.form.answer_format == AnswerFormat.JSON_SCHEMA:
            return self.messages
        *earlier, last = self.messages
        words = SCHEMA_WORDS.format(canonical_json(self.schema))
        return (*earlier, {**last, "content": last["content"] + words})

    @property
    def features(self) -> frozenset[str]:
        """What of the body a server may refuse; a form is known where all of it was taken once."""
        found = {self.form.limit}
        if self.form.temperature:
            found.add("temperature")
        if (effort := self.form.sent_effort(self.effort)) is not None:
            found.add(f"reasoning_effort {effort}")
        if self.schema is not None:
            found.add(str(self.form.answer_format))
        return frozenset(found)

    def body(self) -> dict[str, Any]:
        """Return the JSON body of `POST /chat/completions`, in the request's form."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(self.sent_messages),
            self.form.limit: self.most_completion_tokens,
        }
        if self.form.temperature:
            body["temperature"] = self.temperature
        if (effort := self.form.sent_effort(self.effort)) is not None:
            body["reasoning_effort"] = str(effort)
        if (form := self._response_format()) is not None:
            body["response_format"] = form
        return body

    def _response_format(self) -> dict[str, Any] | None:
        if self.schema is None or self.form.answer_format == AnswerFormat.WORDED:
            return None
        if self.form.answer_format == AnswerFormat.JSON_OBJECT:
            return {"type": "json_object"}
        schema: dict[str, Any] = {"name": SCHEMA_NAME, "schema": self.schema}
        if self.form.strict:
            schema["strict"] = True
        return {"type": "json_schema", "json_schema": schema}


def prompt_bytes(messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any] | None) -> int:
    """Return the bytes of messages and schema with what a server puts around them.

    Every token of a byte-level vocabulary covers at least one byte, so this bounds the tokens of
    the prompt.
    """
    texts = canonical_json([*messages, schema]).encode()
    return len(texts) + _REQUEST_OVERHEAD + _MESSAGE_OVERHEAD * len(messages)


@dataclass(frozen=True)
class TokenCounts:
    """Tokens of an answer as the server counted them; None where it did not say."""

    prompt: int | None
    cached: int | None
    written: int | None
    completion: int | None


@dataclass(frozen=True)
class Answer:
    """A chat completion as it came; every part may be missing but the model.

    Attributes:
        model: as the server names it.
        prompt_tokens: None, like the others, where the server did not say.
        cached_tokens: those of the prompt that were read from the provider's cache.
        written_tokens: those of the prompt that were written into it.
        reasoning_tokens: those of the answer that the model thought with.
        tier: the service tier that the server says it has used; it sets the price.
    """

    content: str | None
    refusal: str | None
    finish_reason: str | None
    model: str
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    written_tokens: int | None = None
    reasoning_tokens: int | None = None
    tier: str | None = None

    @property
    def tokens(self) -> TokenCounts:
        return TokenCounts(
            self.prompt_tokens, self.cached_tokens, self.written_tokens, self.completion_tokens
        )
