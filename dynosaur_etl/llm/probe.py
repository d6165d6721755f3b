"""Asks a server whether it answers and offers a model, without paying for anything."""

import httpx2
import openai

from dynosaur_etl.domain.errors import LlmRefused, LlmUnavailable, not_allowed
from dynosaur_etl.llm.failures import TryAgain, read_failure
from dynosaur_etl.llm.sender import NO_KEY

_SHOWN_MODELS = 20


def probe_model(base_url: str, api_key: str, model: str, timeout: float) -> None:
    """Check that the server lists the model.

    Raises:
        LlmUnavailable: no connection, a server error or a rate limit.
        LlmRefused: the credentials are wrong, or the model is not offered.
    """
    client = openai.OpenAI(
        base_url=base_url, api_key=api_key or NO_KEY, timeout=timeout, max_retries=0
    )
    try:
        with client:
            offered = {entry.id for entry in client.models.list().data}
    except (openai.APIError, httpx2.HTTPError) as error:
        failure = read_failure(error)
        kind = LlmUnavailable if isinstance(failure, TryAgain) else LlmRefused
        raise kind(f"LLM server {base_url}: {failure}") from error
    except (AttributeError, TypeError, ValueError) as error:  # HTML with status 200 is a `str`
        raise LlmUnavailable(f"LLM server {base_url}: its list of models is none") from error
    if model not in offered:
        allowed = sorted(offered)[:_SHOWN_MODELS]
        raise LlmRefused(not_allowed(f"model of {base_url}", model, allowed))
