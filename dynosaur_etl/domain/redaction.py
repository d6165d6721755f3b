"""What may be shown of an address: everything but what lets somebody in."""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

HIDDEN = "***"

_LOGIN = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]*://)"
    # up to the last @ of the host's part; past a slash only after a colon that is no port's, as
    # keys of S3 hold slashes and are often not escaped
    r"(?P<secret>[^\s/?#@'\"]*:(?!\d{1,5}(?:[/?#]|$))[^\s?#'\"]*|[^\s/?#'\"]+)@",
    re.IGNORECASE,
)
_BARE_LOGIN = re.compile(r"(?P<before>(?<![\w/:@])[\w.+-]+:)(?P<secret>[^\s/:@'\",]+)@(?=[\w\[])")
_TELLING = (
    r"[\w.%-]*(?:key|secret|token|passw|passphrase|pwd|signature|credential|auth(?!or)|session)"
    r"[\w.%-]*|sig|sas|pass"
)
_PARAMETER = re.compile(
    rf"(?P<before>[?&;#](?:{_TELLING})=)(?P<secret>[^&;#\s'\"<>]+)", re.IGNORECASE
)
_WORD = re.compile(
    r"(?P<before>(?<![\w?&;#])(?:password|passwd|sslpassword|pgpassword|api_key|access_key"
    r"|secret_key|(?:aws_)?secret_access_key|aws_session_token|client_secret)\s*=\s*)"
    r"(?P<secret>'[^']*'|\"[^\"]*\"|[^\s,;&'\")]+)",
    re.IGNORECASE,
)
_PATTERNS = (_LOGIN, _PARAMETER, _WORD, _BARE_LOGIN)


def redact(text: str) -> str:
    """Return a text with the logins and secret parameters of every address in it as `***`.

    Of PostgreSQL's addresses the user stays, as it is no secret there.
    """
    if "@" not in text and "=" not in text:
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(_hidden, text)
    return text


def secrets_in(text: str) -> Iterator[str]:
    """Yield what `redact` hides in a text, as it stands there and unescaped."""
    for pattern in _PATTERNS:
        for found in pattern.finditer(text):
            secret = found["secret"]
            if secret.strip("*"):
                parts = secret.split(":", 1) if pattern is _LOGIN else [secret]
                yield from {*parts[-1:], *map(unquote, parts[-1:])}


def without_login(url: str) -> str:
    """Return a folder or URL as people may see it: without user, password and query."""
    parts = urlsplit(redact(url))
    if not parts.scheme or not parts.netloc:
        return url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _hidden(found: re.Match[str]) -> str:
    if found.re is not _LOGIN:
        at = "@" if found.re is _BARE_LOGIN else ""
        return f"{found['before']}{HIDDEN}{at}"
    user, has_password, _ = found["secret"].partition(":")
    if not found["before"].lower().startswith("postgres"):
        return f"{found['before']}{HIDDEN}@"
    return f"{found['before']}{user}{':' + HIDDEN if has_password else ''}@"
