"""Which provider a server is of, by the package that knows the prices."""

from functools import cache
from urllib.parse import urlsplit


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
