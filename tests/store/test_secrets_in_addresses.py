"""Commands over addresses with secrets in them, that fail: nothing that is printed holds one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import StoreUnavailable
from dynosaur_etl.store.storage import Storage


@pytest.mark.parametrize(
    "url",
    [
        "s3://hunter-id:hunter/k+ey@bucket/x?scheme=nonsense",
        "s3://bucket/x?access_key=hunter-id&secret_key=hunter-key&scheme=http",
        "nonsense://me:hunter@host/x",
        "https://hunter-token@127.0.0.1:9/x",
        "ftp://me:hunter@127.0.0.1:9/x",
    ],
)
def test_storage_that_cannot_be_had_is_named_without_its_secrets(url: str) -> None:
    with pytest.raises(StoreUnavailable) as failure:
        Storage(url).prove_writable()
    told = f"{failure.value!r} {failure.value.__cause__!r}"
    assert "hunter" not in told
    assert url.partition("://")[0] in told


def test_no_command_prints_a_secret_of_an_address(tmp_path: Path) -> None:
    values = {
        "DYNOSAUR_DATABASE_URL": "postgresql://me:hunter-1@127.0.0.1:9/x?sslpassword=hunter-2",
        "DYNOSAUR_STORAGE_URL": "ftp://me:hunter-3@127.0.0.1:9/x?token=hunter-4",
        "OPENAI_BASE_URL": "http://me:hunter-5@127.0.0.1:9/v1",
        "OPENAI_API_KEY": "hunter-6",
        "HF_ENDPOINT": "http://me:hunter-7@127.0.0.1:9",
        "HF_TOKEN": "hunter-8",
        "DYNOSAUR_HOME": str(tmp_path),
        "DYNOSAUR_HUB_TIMEOUT": "1",
    }
    for words in (["doctor"], ["db", "check"]):
        ended = subprocess.run(
            [sys.executable, "-m", "dynosaur_etl", "-v", *words],
            env={**os.environ, **values}, capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode in (3, 4), ended.stderr
        assert "hunter" not in ended.stdout + ended.stderr
