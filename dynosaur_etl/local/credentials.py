"""The keys and passwords of the system on this machine: made once, kept for the owner alone."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from dynosaur_etl.domain.errors import Corrupt

ADMIN = "admin"
VIEWER = "viewer"


@dataclass(frozen=True)
class Credentials:
    """What Airflow's components share.

    Attributes:
        passwords: the file in which Airflow's simple login finds the users' passwords.
    """

    jwt_secret: str
    fernet_key: str
    api_secret_key: str
    passwords: Path

    def password_of(self, user: str) -> str:
        return str(json.loads(self.passwords.read_text())[user])


def load_credentials(folder: Path) -> Credentials:
    """Read the credentials under `folder`, and make what is missing.

    Raises:
        Corrupt: the file of keys cannot be read; the message tells what to do.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    passwords, keys = folder / "passwords.json", folder / "keys.json"
    if not passwords.exists():
        _write(passwords, {user: secrets.token_urlsafe(12) for user in (ADMIN, VIEWER)})
    if not keys.exists():
        _write(keys, _new_keys())
    try:
        return Credentials(**json.loads(keys.read_text()), passwords=passwords)
    except (ValueError, TypeError) as error:
        raise Corrupt(f"{keys} cannot be read ({error}); `make clean` starts afresh") from error


def _new_keys() -> dict[str, str]:
    return {
        "jwt_secret": secrets.token_urlsafe(64),
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "api_secret_key": secrets.token_urlsafe(32),
    }


def _write(path: Path, content: object) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
    partial.replace(path)
