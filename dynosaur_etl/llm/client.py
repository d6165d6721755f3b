"""The one client for paid requests: nothing leaves that the ledger has not written down before."""

from collections.abc import Callable, Sequence

import httpx2

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.forms import FormStore
from dynosaur_etl.domain.ledger import Ledger
from dynosaur_etl.llm.outcomes import Outcomes
from dynosaur_etl.llm.request_runner import RequestRunner
from dynosaur_etl.llm.sender import Sender
from dynosaur_etl.net.retry import RetryPolicy

FIRST_BACKOFF = 0.5


class LlmClient:
    """Any server that speaks OpenAI's chat completions, behind the ledger."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        timeout: float,
        concurrency: int,
        attempts: int,
        ledger: Ledger,
        forms: FormStore,
        first_backoff: float = FIRST_BACKOFF,
    ) -> None:
        """Bind to a server; nothing is sent yet.

        `timeout` are the seconds of one sending, from the connection to the answer's last byte;
        `attempts` is the most sendings of one request within one call; before the second one
        `first_backoff` seconds pass, which double from then on.
        """
        tls = httpx2.create_ssl_context()  # slow to make: once, not with every call
        self._address = (base_url, api_key, timeout, concurrency, tls)
        self._timeout = timeout
        self._concurrency = concurrency
        self._policy = RetryPolicy(attempts, first_backoff)
        self._ledger = ledger
        self._forms = forms

    async def ask_all(
        self,
        requests: Sequence[ChatRequest],
        day: str,
        progress: Callable[[int], None] | None = None,
    ) -> Outcomes:
        """Get an answer for every request, from the ledger or from the server.

        Args:
            requests: in the order in which they are sent; the same key is asked once.
            day: the growth day whose run pays.
            progress: called with the number of requests that are done so far.

        Raises:
            LlmRefused: credentials, quota, model or URL are wrong: no request would pass. What
                was answered before is in the ledger.
            LlmUnavailable: the server looks dead and not one request has an answer.
            StoreUnavailable: the ledger's database does not answer.
        """
        async with Sender(*self._address) as sender:
            runner = RequestRunner(
                requests=requests,
                day=day,
                sender=sender,
                ledger=self._ledger,
                forms=self._forms,
                concurrency=self._concurrency,
                policy=self._policy,
                patience=self._timeout * self._policy.attempts,
                progress=progress or (lambda _: None),
            )
            return await runner.run()
