"""Reading the settings from the environment, a file beside it and files of secrets."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from dynosaur_etl.domain.errors import InvalidSetting, not_allowed
from dynosaur_etl.domain.misspelling import meant_names
from dynosaur_etl.settings.fields import PREFIX, Settings

READ_BY_OTHERS = frozenset(  # by docker-compose.yaml
    {"DYNOSAUR_IMAGE", "DYNOSAUR_IMAGE_TAG", "DYNOSAUR_IMAGE_EXTRAS"}
)


def env_name(field: str) -> str:
    """Return the environment's name of a setting."""
    name = _input_name(field)
    return f"{PREFIX}{field.upper()}" if name == field else name


def load_settings(
    env_file: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Read the settings from the environment, below it from `env_file`, then from secret files.

    Args:
        env_file: holds what the environment does not.
        overrides: values by the setting's name, that go before the environment.

    Raises:
        InvalidSetting: a value is not allowed; it names the setting, the value (not a
            secret's) and what is allowed; or a name is nearly that of a setting.
    """
    if env_file is not None and not env_file.is_file():
        raise InvalidSetting(not_allowed("settings file", str(env_file), "a file that exists"))
    if unknown := list(_unknown_names(env_file)):
        raise InvalidSetting("; ".join(unknown))
    chosen = {_input_name(name): value for name, value in (overrides or {}).items()}
    folder = _secrets_folder(env_file)
    try:
        return Settings(  # type: ignore[call-arg]
            _env_file=env_file, _secrets_dir=folder if folder.is_dir() else None, **chosen
        )
    except ValidationError as error:
        raise InvalidSetting("; ".join(map(_complaint, error.errors()))) from None
    except OSError as error:
        raise InvalidSetting(f"{env_name('secrets_folder')}: {error}") from error


def _secrets_folder(env_file: Path | None) -> Path:
    """Return the folder of secret files; it cannot name itself in one of them."""
    name = env_name("secrets_folder").lower()
    default = Settings.model_fields["secrets_folder"].default
    named = [source.env_vars.get(name) for source in _sources(env_file).values()]
    return Path(next(filter(None, named), default))


def _sources(env_file: Path | None) -> dict[str, EnvSettingsSource]:
    """Return what settings are read from by its name, the first before the others."""
    sources = {"the environment": EnvSettingsSource(Settings)}
    if env_file is not None:
        sources[str(env_file)] = DotEnvSettingsSource(Settings, env_file=env_file)
    return sources


def _unknown_names(env_file: Path | None) -> Iterator[str]:
    """Complain of names in the environment and in the file that seem to be meant for us."""
    known = sorted({env_name(field) for field in Settings.model_fields})
    sources = _sources(env_file)
    for place, source in sources.items():
        for name in sorted(map(str.upper, source.env_vars)):
            nearest = () if name in READ_BY_OTHERS else meant_names(name, known, PREFIX)
            if nearest:
                words = f"a known name, perhaps {' or '.join(nearest)}"
                yield not_allowed(f"setting in {place}", name, words)


def _input_name(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else field


def _complaint(error: Any) -> str:
    field = str(error["loc"][0])
    names = {env_name(name).lower(): env_name(name) for name in Settings.model_fields}
    name = names.get(field.lower(), names.get(f"dynosaur_{field}".lower(), field))
    secret = any(word in name for word in ("TOKEN", "KEY", "PASSWORD", "DATABASE_URL", "ARGUMENTS"))
    received = "(hidden)" if secret else error["input"]
    return not_allowed(name, received, error["msg"].removeprefix("Value error, "))
