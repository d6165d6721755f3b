"""No secret of an address is shown, in whatever form the address is written."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import DynosaurError, HubRefused, StoreUnavailable, Terminal
from dynosaur_etl.domain.redaction import redact, secrets_in, without_login

SECRETS = st.text(string.ascii_letters + string.digits + "+/=!$%-_.~*", min_size=8, max_size=40)
ESCAPED = SECRETS.map(lambda secret: quote(secret, safe=""))
HOSTS = st.sampled_from(["bucket", "host.example", "127.0.0.1:9000", "[::1]:5432", "h:80"])
SCHEMES = st.sampled_from(
    ["s3", "https", "http", "postgresql", "postgresql+psycopg", "gs", "abfs", "sftp", "redis",
     "simplecache::s3"]
)  # fmt: skip
PARAMETERS = st.sampled_from(
    ["access_key", "secret_key", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Security-Token",
     "AWSAccessKeyId", "Signature", "sig", "token", "api_key", "apikey", "password", "sslpassword",
     "account_key", "sas_token", "client_secret", "X-Goog-Signature", "access_token", "SECRET_KEY"]
)  # fmt: skip
AROUND = st.sampled_from(
    ["{}", "storage {}: no answer", "[Errno 2] '{}'", '{{"url": "{}"}}', "({})", "a\n{}\nb",
     "GET {} and again {}"]
)  # fmt: skip


def marked(secret: str) -> str:
    """A secret that cannot stand in the rest of an address by chance."""
    return f"Zq{secret}Zq"


@given(SCHEMES, HOSTS, ESCAPED, AROUND, st.sampled_from(["", "/", "/a/b", "/a?region=eu&x=1"]))
def test_no_login_is_shown(scheme: str, host: str, secret: str, around: str, end: str) -> None:
    hidden = marked(secret)
    for login in (f"user:{hidden}", hidden if "postgres" not in scheme else f":{hidden}"):
        shown = redact(around.format(*[f"{scheme}://{login}@{host}{end}"] * 2))
        assert hidden not in shown
        assert f"{host}{end}" in shown
        assert redact(shown) == shown


@given(SECRETS.filter(lambda secret: "@" not in secret), HOSTS)
def test_keys_that_are_not_escaped_are_hidden_too(secret: str, host: str) -> None:
    hidden = marked(secret)
    assert hidden not in redact(f"s3://AKIAKEY:{hidden}@{host}/folder")
    assert "/" + hidden.rpartition("/")[2] not in redact(f"s3://AKIAKEY:{hidden}@{host}/folder")


@given(SCHEMES, HOSTS, PARAMETERS, ESCAPED, AROUND, st.sampled_from(["?", "?a=1&", "?a=1;", "#"]))
def test_no_secret_parameter_is_shown(
    scheme: str, host: str, name: str, secret: str, around: str, joint: str
) -> None:
    hidden = marked(secret)
    address = f"{scheme}://{host}/folder{joint}{name}={hidden}&region=eu"
    shown = redact(around.format(*[address] * 2))
    assert hidden not in shown
    assert "region=eu" in shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/folder?region=eu-west-1&endpoint_override=h:9000&scheme=http",
        "https://huggingface.co/datasets/owner/name/tree/main@v1",
        "https://host:8080/path@v1 is there",
        "hf://datasets/owner/name@0123456789abcdef/data.parquet",
        "/srv/store", "", "a = b, ops@example.org", "max_tokens=5 is not allowed",
        "postgresql+psycopg://postgres@/dynosaur?host=/tmp/x", "received '12:30'; allowed: 1:2",
        "https://host/list?author=owner&limit=5&design=x",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:hunter2@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me@host/db?password=hunter2", "postgresql://me@host/db?password=***"),
        ("host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"),
        ("host=h password = 'hun ter2' dbname=d", "host=h password = *** dbname=d"),
        ("s3://AKIA:hun/ter2@bucket/x", "s3://***@bucket/x"),
        ("https://hunter2@host/x", "https://***@host/x"),
        ("me:hunter2@host/v1", "me:***@host/v1"),
    ],
)
def test_what_is_shown_in_place_of_a_secret(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(ESCAPED)
def test_the_secrets_of_an_address_are_found_also_unescaped(secret: str) -> None:
    plain = marked(secret)
    found = set(secrets_in(f"s3://key:{quote(plain, safe='')}@bucket/x?token={plain}"))
    assert {plain, quote(plain, safe="")} <= found


@pytest.mark.parametrize("kind", [DynosaurError, Terminal, StoreUnavailable, HubRefused])
def test_no_error_of_ours_holds_one(kind: type[DynosaurError]) -> None:
    error = kind("storage s3://key:hunter2@bucket/x: no answer")
    assert str(error) == "storage s3://***@bucket/x: no answer"
    assert "hunter2" not in repr(error)


def test_an_address_for_people_has_neither_login_nor_query() -> None:
    assert without_login("s3://key:sec/ret@bucket/x?secret_key=y") == "s3://bucket/x"
    assert without_login("https://huggingface.co") == "https://huggingface.co"
    assert without_login("/srv/sets") == "/srv/sets"
