"""The errors of the product, as one tree that tells a caller whether a retry can help.

DynosaurError
├── Transient            a retry helps: the world may look different in a minute
│   ├── HubUnavailable       no answer, a server error or a rate limit from the Hub
│   ├── LlmUnavailable       the same from the LLM server
│   ├── StoreUnavailable     the database or the storage does not answer, or is full
│   └── Busy                 another process holds what this one needs
└── Terminal             a retry gives the same result: somebody has to change something
├── InvalidSetting       a value of the environment is not allowed
├── InvalidInput         an argument, a file or a data set is not what is asked for
├── MissingExtra         a command needs packages of an extra that is not installed
├── HubRefused           the Hub says no: missing, gated, private, malformed
├── LlmRefused           the LLM server says no: credentials, quota, malformed request
├── Incomplete           too much has no answer, and asking again now brings none
├── CountsDoNotReconcile a step lost or invented something
├── Corrupt              stored data is not what was written
└── WrongSchema          the database's tables are of another version of the product
"""

from collections.abc import Collection

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.redaction import redact


class DynosaurError(Exception):
    """Root of every error that the product raises on purpose; no secret of an address is in it."""

    def __init__(self, *words: object) -> None:
        super().__init__(*(redact(word) if isinstance(word, str) else word for word in words))


class Transient(DynosaurError):
    """A retry can help."""


class Terminal(DynosaurError):
    """A retry gives the same result."""


class HubUnavailable(Transient):
    """The Hub gave no usable answer: no connection, a server error, a rate limit."""


class LlmUnavailable(Transient):
    """The LLM server gave no usable answer: no connection, a server error, a rate limit."""


class StoreUnavailable(Transient):
    """The database or the storage does not answer or has no room."""


class Busy(Transient):
    """Another process holds what this one needs."""


class InvalidSetting(Terminal):
    """A setting's value is not allowed."""


class InvalidInput(Terminal):
    """An argument, a file or a data set is not what is asked for."""


class MissingExtra(Terminal):
    """A command needs packages that only an extra installs."""


class HubRefused(Terminal):
    """The Hub refused: the repository is missing, gated, private, disabled or malformed."""

    def __init__(self, message: str, reason: Reason = Reason.GONE) -> None:
        super().__init__(message)
        self.reason = reason


class LlmRefused(Terminal):
    """The LLM server refused: credentials, quota or a malformed request."""


class Incomplete(Terminal):
    """Too much of a step has no answer, and asking again now brings none: a spent budget, say."""


class CountsDoNotReconcile(Terminal):
    """A step lost or invented something: in is not kept + rejected + deferred."""


class Corrupt(Terminal):
    """Stored data is not what was written."""


class WrongSchema(Terminal):
    """The tables of the database are not those of this version; `mend` says what to do."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(f"{message}; {mend}")
        self.mend = mend


def not_allowed(what: str, received: object, allowed: Collection[str] | str) -> str:
    """Word a refusal: what it is about, what was received and what is allowed."""
    choices = allowed if isinstance(allowed, str) else ", ".join(sorted(allowed))
    return f"{what}: received {received!r}; allowed: {choices}"
