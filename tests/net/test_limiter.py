"""Limits that a server tells are kept by all threads, and one that is down is left alone."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.net import breaker, hub_session, limiter
from tests.hub.faulty_hub import SHA, Answer, FaultyHub
from tests.hub.test_client_faults import CARD, COMMITS, GOOD, ID

ASKED = 14


def test_all_threads_together_keep_under_the_limit_that_is_told(hub: FaultyHub) -> None:
    hub.quota = 5
    hub.answers[COMMITS] = [GOOD]
    clients = [HubClient(hub.endpoint, None, "", timeout=5, concurrency=8) for _ in range(2)]
    clients[0].commits(ID)
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        asked = [clients[number % 2].commits for number in range(ASKED)]
        answers = list(pool.map(lambda ask: ask(ID), asked))
    assert [len(commits) for commits in answers] == [1] * ASKED
    assert hub.refused == 0
    assert time.monotonic() - started >= (ASKED + 1) // hub.quota - 1


@pytest.mark.parametrize(("token", "quota"), [(None, 4), ("hf_given", 9)])
def test_the_limit_that_is_kept_is_that_of_the_token(
    hub: FaultyHub, token: str | None, quota: int
) -> None:
    hub.quota, hub.token_quota = 4, 9
    hub.answers[COMMITS] = [GOOD]
    client = HubClient(hub.endpoint, token, "", timeout=5, concurrency=8)
    client.commits(ID)
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(client.commits, [ID] * (2 * quota)))
    assert hub.refused == 0
    assert 1 <= time.monotonic() - started < 3


def test_files_are_counted_apart(hub: FaultyHub, client: HubClient) -> None:
    hub.answers[COMMITS] = [Answer(body=GOOD.body, headers={"RateLimit": '"api";r=0;t=300'})]
    hub.files["README.md"] = b"card"
    client.commits(ID)
    assert client.card_bytes(ID, SHA) == b"card"


def test_the_limit_of_a_redirect_counts_and_not_that_of_the_file_store(
    hub: FaultyHub, client: HubClient
) -> None:
    told = {"Location": "/store/1", "X-Repo-Commit": SHA, "RateLimit": '"resolvers";r=0;t=1'}
    hub.answers[CARD] = [Answer(302, b"", told)]
    hub.answers["/store/1"] = [Answer(body=b"card")]
    client.card_bytes(ID, SHA)
    started = time.monotonic()
    client.card_bytes(ID, SHA)
    assert time.monotonic() - started > 0.7


def test_one_refusal_pauses_every_thread(hub: FaultyHub, client: HubClient) -> None:
    hub.answers[COMMITS] = [Answer(429, b"x", {"Retry-After": "1"}), GOOD]
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(client.commits, ID)
        time.sleep(0.3)
        others = [pool.submit(client.commits, ID) for _ in range(3)]
        time.sleep(0.3)
        assert len(hub.asked) == 1
        assert [len(future.result()) for future in (first, *others)] == [1] * 4
    assert time.monotonic() - started >= 1


def test_a_limit_that_is_used_up_for_long_is_told_and_not_sat_out(
    hub: FaultyHub, client: HubClient
) -> None:
    hub.answers[COMMITS] = [Answer(body=GOOD.body, headers={"RateLimit": '"api";r=0;t=9000'})]
    client.commits(ID)
    with pytest.raises(HubUnavailable, match="no request for"):
        client.commits(ID)
    assert len(hub.asked) == 1


@pytest.mark.parametrize(
    "told", ["", '"api"', "r=x;t=y", "r=0", '"api";r=999999999999;t=1', "\xff"]
)
def test_limits_that_cannot_be_read_are_none(hub: FaultyHub, client: HubClient, told: str) -> None:
    hub.answers[COMMITS] = [
        Answer(body=GOOD.body, headers={"RateLimit": told, "RateLimit-Policy": told})
    ]
    assert client.commits(ID)
    assert client.commits(ID)


class Clock:
    """The breaker's time, which goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(breaker, "time", clock)
    return clock


@pytest.fixture
def broken(hub: FaultyHub, monkeypatch: pytest.MonkeyPatch) -> FaultyHub:
    """A Hub that fails, each request being tried once."""
    monkeypatch.setattr(limiter, "BREAK_AFTER", 3)
    monkeypatch.setattr(hub_session, "ATTEMPTS", 1)
    hub.answers[COMMITS] = [Answer(500, b"x")]
    return hub


def fail(client: HubClient, times: int) -> None:
    for _ in range(times):
        with pytest.raises(HubUnavailable, match="HTTP 500"):
            client.commits(ID)


def test_a_hub_that_is_down_is_left_alone_and_asked_once_after_the_cool_down(
    broken: FaultyHub, client: HubClient, clock: Clock
) -> None:
    fail(client, 3)
    for ask in (client.commits, lambda name: client.card_bytes(name, SHA)):
        with pytest.raises(HubUnavailable, match="3 requests in a row") as refusal:
            ask(ID)
        assert broken.endpoint in str(refusal.value)
    clock.now += limiter.COOL_DOWN - 1
    with pytest.raises(HubUnavailable, match="left alone for 1 s"):
        client.commits(ID)
    assert len(broken.asked) == 3
    clock.now += 1
    fail(client, 1)
    with pytest.raises(HubUnavailable, match="4 requests in a row"):
        client.commits(ID)
    clock.now += limiter.COOL_DOWN
    broken.answers[COMMITS] = [GOOD]
    for _ in range(3):
        assert client.commits(ID)


def test_any_answer_shows_that_the_hub_is_up(broken: FaultyHub, client: HubClient) -> None:
    broken.answers[CARD] = [Answer(403, b"{}", {"X-Error-Code": "GatedRepo"})]
    for _ in range(3):
        fail(client, 2)
        with pytest.raises(HubRefused):
            client.card_bytes(ID, SHA)


def test_a_rate_limit_is_no_sign_of_a_hub_that_is_down(
    broken: FaultyHub, client: HubClient
) -> None:
    broken.answers[COMMITS] = [Answer(429, b"x")]
    for _ in range(5):
        with pytest.raises(HubUnavailable, match="HTTP 429"):
            client.commits(ID)
