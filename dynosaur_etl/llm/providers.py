"""Which provider a server is of, by the package that knows the prices."""

from functools import cache
from urllib.parse import urlsplit

UNLISTED = "unlisted server"
"""A server that is none of the providers known by their URLs: one's own, or a gateway."""


@cache
def provider_of(server: str) -> str:
    """Return the provider's id where the server's URL shows one, else the server's own host."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider(None, None, server).id
    except LookupError:
        return urlsplit(server).netloc or server


@cache
def is_known_provider(server: str) -> bool:
    return provider_of(server) != (urlsplit(server).netloc or server)


def provider_or_unknown(server: str | None) -> str:
    """Return the provider, or `unknown` where the server was not noted."""
    return "unknown" if server is None else provider_of(server)


def public_provider(server: str) -> str:
    """Return the provider as a published set may name it: no address of one's own gets out."""
    return provider_of(server) if is_known_provider(server) else UNLISTED
