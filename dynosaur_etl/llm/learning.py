"""Finding out in which form a server takes requests: one at a time, and once for all processes."""

import asyncio
from contextlib import AbstractContextManager

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.errors import Busy
from dynosaur_etl.domain.forms import FormStore, KnownForm
from dynosaur_etl.domain.request_form import RequestForm
from dynosaur_etl.llm.failures import RequestRefused


class FormLearner:
    """What one call knows of forms; the store is only reached from worker threads.

    A request whose form is not known goes alone, so that a server refuses a parameter once and not
    once a request. Of several processes one finds it out; the others wait for what it learns.
    """

    def __init__(self, forms: FormStore) -> None:
        self._forms = forms
        self._known: dict[str, KnownForm] = {}
        self._probe: str | None = None
        self._lock: AbstractContextManager[None] | None = None

    @property
    def is_probing(self) -> bool:
        return self._probe is not None

    def in_form(self, request: ChatRequest) -> ChatRequest:
        """Return the request in the form that is known so far."""
        return request.in_form(self._known.get(request.model, KnownForm()).form)

    def knows(self, request: ChatRequest) -> bool:
        """Return whether the server has taken all that the request sends."""
        known = self._known.get(request.model)
        return known is not None and known.covers(request)

    async def look_up(self, model: str) -> None:
        """Read what is known of a model, as of this moment."""
        self._known[model] = await asyncio.to_thread(self._forms.known, model)

    async def begin(self, request: ChatRequest) -> bool:
        """Return whether the request may go ahead alone to find out its form."""
        lock = self._forms.learning(request.model)
        try:
            await asyncio.to_thread(lock.__enter__)
        except Busy:
            return False
        self._probe, self._lock = request.key, lock
        await self.look_up(request.model)
        return True

    async def end(self, key: str) -> None:
        """Let others find out what the request of the key has not."""
        if self._probe == key:
            await self.close()

    async def close(self) -> None:
        """Let others find out what no request of this call has."""
        if self._lock is None:
            return
        self._probe, lock, self._lock = None, self._lock, None
        await asyncio.to_thread(lock.__exit__, None, None, None)

    async def taken(self, request: ChatRequest, answer: Answer) -> None:
        """Note what an answered request shows of its server."""
        if not self.knows(request):
            await asyncio.to_thread(self._forms.accept, request.model, request.features)
            await self.look_up(request.model)
        if answer.reasoning_tokens and not request.form.thought_tokens(request.effort):
            await asyncio.to_thread(self._forms.thinks, request.model)
            await self.look_up(request.model)

    async def after(self, request: ChatRequest, refused: RequestRefused) -> RequestForm | None:
        """Return the form in which to send a refused request again; None where none is left."""
        await self.look_up(request.model)
        now = self._known[request.model].form
        if now != request.form:
            return now
        if refused.refusal is None or (form := now.without(refused.refusal)) is None:
            return None
        adapted = await asyncio.to_thread(self._forms.adapt, request.model, now, form, str(refused))
        await self.look_up(request.model)
        return adapted
