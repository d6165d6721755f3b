"""Timeouts of the process's one session: a block bounds its own requests and nobody else's."""

import threading
import time

import httpx2
import pytest
from huggingface_hub import get_session

from dynosaur_etl.net.hub_session import DEFAULT_TIMEOUT, install, timed
from tests.hub.faulty_hub import Answer, FaultyHub

SLOW = 1.5


@pytest.fixture
def slow(hub: FaultyHub) -> str:
    install()
    hub.answers["/slow"] = [Answer(body=b"xx", trickle=SLOW)]
    return f"{hub.endpoint}/slow"


def test_a_block_bounds_the_time_of_its_requests(slow: str) -> None:
    started = time.monotonic()
    with timed(0.2), pytest.raises(httpx2.TimeoutException):
        get_session().get(slow)
    assert time.monotonic() - started < SLOW
    assert get_session().get(slow).status_code == 200


def test_blocks_of_several_threads_do_not_change_each_other(slow: str) -> None:
    seen: dict[float, str] = {}

    def ask(seconds: float) -> None:
        with timed(seconds):
            try:
                seen[seconds] = str(get_session().get(slow).status_code)
            except httpx2.TimeoutException:
                seen[seconds] = "too late"

    threads = [threading.Thread(target=ask, args=(seconds,)) for seconds in (0.3, 20.0, 0.6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {0.3: "too late", 0.6: "too late", 20.0: "200"}
    assert get_session().timeout == DEFAULT_TIMEOUT


def test_a_timeout_that_the_library_asks_for_is_kept(slow: str) -> None:
    with timed(20.0), pytest.raises(httpx2.TimeoutException):
        get_session().get(slow, timeout=0.2)
    with timed(0.2), pytest.raises(httpx2.TimeoutException):
        get_session().get(slow, timeout=None)
