"""Errors that nobody foresaw, in words that every log and database can hold."""

import io
import logging

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dynosaur_etl.domain.text import error_line
from dynosaur_etl.domain.unforeseen import log_unforeseen, unforeseen_words

log = logging.getLogger("of the test")


def fail(words: str) -> None:
    raise ValueError(words)


@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=40))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_words_can_be_logged_and_stored(
    caplog: pytest.LogCaptureFixture, subject: str, words: str
) -> None:
    caplog.clear()
    try:
        fail(words)
    except ValueError as error:
        log_unforeseen(log, subject, error)
        stored = unforeseen_words(error)
    assert "\0" not in stored + caplog.text
    assert (stored + caplog.text).encode()
    assert "Traceback (most recent call last)" in caplog.text
    assert "test_unforeseen.py" in stored


def test_half_a_character_and_nul_are_replaced(caplog: pytest.LogCaptureFixture) -> None:
    log_unforeseen(log, "owner/\ud800name", KeyError("a\0b"))
    log_unforeseen(log, "row", ValueError("\udfff"))
    assert "owner/�name" in caplog.text
    assert "ValueError: �" in caplog.text


def test_an_error_reads_alike_in_every_run() -> None:
    def words() -> set[str]:
        try:
            fail(f"cannot read\n{io.BytesIO()} or {object()}")
        except ValueError as error:
            return {unforeseen_words(error), error_line(error)}
        return set()

    first, kept = words(), [io.BytesIO() for _ in range(50)]  # so that the next stand elsewhere
    assert words() == first, len(kept)
    assert all("0x" not in line for line in first)
    assert "ValueError cannot read <_io.BytesIO object> or <object object>" in first
