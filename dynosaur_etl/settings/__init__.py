"""Every setting of the product; the only room that reads the environment.

Settings are read when `load_settings()` is called, never on import.
"""

from dynosaur_etl.settings.fields import (
    NO_MODEL,
    PACKAGED_MODEL,
    PREFIX,
    SAME_MODEL,
    LlmMode,
    Settings,
    cap,
    secrets_of,
)
from dynosaur_etl.settings.loading import READ_BY_OTHERS, env_name, load_settings

__all__ = [
    "NO_MODEL",
    "PACKAGED_MODEL",
    "PREFIX",
    "READ_BY_OTHERS",
    "SAME_MODEL",
    "LlmMode",
    "Settings",
    "cap",
    "env_name",
    "load_settings",
    "secrets_of",
]
