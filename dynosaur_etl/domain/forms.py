"""What is known of the forms in which a server takes requests, shared by all processes."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.request_form import FIRST_FORM, RequestForm


@dataclass(frozen=True)
class KnownForm:
    """The form of a model's requests, and what of it the server has taken at least once."""

    form: RequestForm = FIRST_FORM
    accepted: frozenset[str] = frozenset()

    def covers(self, request: ChatRequest) -> bool:
        """Return whether the server has taken everything that the request sends in this form."""
        return request.in_form(self.form).features <= self.accepted


class FormStore(Protocol):
    """What was learnt of a server's models; it is learnt again after a week."""

    def known(self, model: str) -> KnownForm:
        """Return what is known; where nothing is, the first form and nothing accepted."""
        ...

    def accept(self, model: str, features: Collection[str]) -> None:
        """Note that the server has taken a request with these features."""
        ...

    def adapt(self, model: str, before: RequestForm, after: RequestForm, words: str) -> RequestForm:
        """Note the form that follows from a refusal, and return the one that holds now.

        Where another process has changed the form since `before`, its form holds.
        """
        ...

    def thinks(self, model: str) -> None:
        """Note that the model was seen to think without being asked to."""
        ...

    def learning(self, model: str) -> AbstractContextManager[None]:
        """Let no other process find out the model's form for the length of a block.

        Raises:
            Busy: another process is at it.
        """
        ...
