"""Asks a server whether it answers and which models it offers, without paying for anything."""

from collections.abc import Mapping
from typing import Any

import httpx2
import openai

from dynosaur_etl.domain.errors import LlmRefused, LlmUnavailable, not_allowed
from dynosaur_etl.llm.failures import TryAgain, read_failure
from dynosaur_etl.llm.sender import NO_KEY

_SHOWN_MODELS = 20
_PREFIX = "models/"
"""Of Gemini's list; in a request the name stands for itself with or without it."""
_NO_LIST = frozenset({404, 405, 501})


def list_models(base_url: str, api_key: str, timeout: float) -> Mapping[str, str | None] | None:
    """Return the models that a server offers, with the day on which it says that they end.

    Returns:
        None where the server has no list of models, as some compatible ones.

    Raises:
        LlmUnavailable: no connection, a server error or a rate limit.
        LlmRefused: the credentials are wrong.
    """
    client = openai.OpenAI(
        base_url=base_url, api_key=api_key or NO_KEY, timeout=timeout, max_retries=0
    )
    try:
        with client:
            entries: list[Any] = client.models.list().data or []
        return {str(entry.id).removeprefix(_PREFIX): _end(entry) for entry in entries}
    except openai.APIStatusError as error:
        if error.status_code in _NO_LIST:
            return None
        raise _failed(base_url, error) from error
    except (openai.APIError, httpx2.HTTPError) as error:
        raise _failed(base_url, error) from error
    except (AttributeError, TypeError, ValueError) as error:  # HTML with status 200 is a `str`
        raise LlmUnavailable(f"LLM server {base_url}: its list of models is none") from error


def probe_model(base_url: str, api_key: str, model: str, timeout: float) -> str | None:
    """Check that the server offers the model, and return the day on which it says that it ends.

    Raises:
        LlmUnavailable: no connection, a server error or a rate limit.
        LlmRefused: the credentials are wrong, or the model is not offered.
    """
    offered = list_models(base_url, api_key, timeout)
    if offered is None:
        return None
    if model.removeprefix(_PREFIX) not in offered:
        allowed = sorted(offered)[:_SHOWN_MODELS]
        raise LlmRefused(not_allowed(f"model of {base_url}", model, allowed))
    return offered[model.removeprefix(_PREFIX)]


def _end(entry: Any) -> str | None:
    named = getattr(entry, "shutdown_date", None)
    return None if named is None else str(named)


def _failed(base_url: str, error: openai.APIError | httpx2.HTTPError) -> Exception:
    failure = read_failure(error)
    kind = LlmUnavailable if isinstance(failure, TryAgain) else LlmRefused
    return kind(f"LLM server {base_url}: {failure}")
