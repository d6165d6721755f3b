"""What goes wrong with a Hub, over real connections, and what the client makes of it."""

import pickle
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from huggingface_hub import get_session

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable, InvalidSetting
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub import client as client_module
from dynosaur_etl.hub import remote_file
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.net import hub_session
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json, listed

LIST = "/api/datasets"
ID = "owner/name"
COMMITS = f"/api/datasets/{ID}/commits/main"
CARD = f"/datasets/{ID}/resolve/{SHA}/README.md"
COMMIT = {"id": SHA, "date": "2023-01-01T00:00:00Z", "title": "t", "message": "", "authors": []}
RANGE = f"/datasets/{ID}/resolve/{SHA}/x.csv"
GOOD = Answer(body=as_json([COMMIT]))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_asked_again(hub: FaultyHub, client: HubClient, status: int) -> None:
    hub.answers[COMMITS] = [Answer(status, b"x"), Answer(status, b"x"), GOOD]
    assert [commit.sha for commit in client.commits(ID)] == [SHA]
    assert client.requests == {"commits": 3, "retries": 2}


CALLS: list[tuple[str, Callable[[HubClient], object]]] = [
    (LIST, lambda client: list(client.list_datasets(None))),
    (COMMITS, lambda client: client.commits(ID)),
    (f"/api/datasets/{ID}/tree/{SHA}", lambda client: client.files(ID, SHA)),
    (f"/api/datasets/{ID}/paths-info/{SHA}", lambda client: client.open(ID, SHA, "x.csv")),
    (f"/api/datasets/{ID}/refs", lambda client: client.converted(ID)),
    (RANGE, lambda client: client.open(ID, SHA, "x.csv", 1_000).read()),
    (CARD, lambda client: client.card_bytes(ID, SHA)),
    ("/viewer/info", lambda client: client.view("info", ID)),
]
JSON_CALLS = CALLS[:5]


@pytest.mark.parametrize(("path", "call"), CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"x"),
        Answer(hang=True),
        Answer(body=b'[{"id": "a"}, {"id":', cut=6),
        Answer(body=b"x" * 1_000, trickle=0.05),
    ],
    ids=["error", "silence", "cut short", "trickle"],
)
def test_every_call_ends_with_no_usable_answer(
    hub: FaultyHub,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    call: Callable[[HubClient], object],
    answer: Answer,
) -> None:
    monkeypatch.setattr(hub_session, "_BODY_TIMEOUTS", 1)
    monkeypatch.setattr(hub_session, "ATTEMPTS", 2)
    hub.answers[path] = [answer]
    viewer = f"{hub.endpoint}/viewer"
    impatient = HubClient(hub.endpoint, None, viewer, timeout=0.3, concurrency=4)
    started = time.monotonic()
    with pytest.raises(HubUnavailable):
        call(impatient)
    assert time.monotonic() - started < 10
    assert hub.paths().count(path) == 2


@pytest.mark.parametrize(("path", "call"), JSON_CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>Back soon</html>", kind="text/html; charset=utf-8"),
        Answer(body=b"<html>Back soon</html>"),
        Answer(body=b'[{"id": "cut off'),
        Answer(body=b"7"),
        Answer(body=b'[{"no": "id"}]'),
    ],
    ids=["page", "page as JSON", "broken JSON", "number", "other fields"],
)
def test_an_answer_that_is_no_answer(
    hub: FaultyHub,
    client: HubClient,
    path: str,
    call: Callable[[HubClient], object],
    answer: Answer,
) -> None:
    hub.answers[path] = [answer]
    with pytest.raises(HubUnavailable):
        call(client)


def test_a_dead_port(hub: FaultyHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    dead = HubClient(f"http://127.0.0.1:{port}", None, "", timeout=1, concurrency=1)
    with pytest.raises(HubUnavailable, match="attempts: 4"):
        dead.commits(ID)
    assert dead.requests == {"commits": 4, "retries": 3}


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {"Retry-After": "9", "RateLimit": '"api";r=0;t=1'},
        {"Retry-After": "1", "RateLimit": '"api";r=400;t=9'},
    ],
)
def test_the_wait_that_is_asked_for_is_kept(
    hub: FaultyHub, client: HubClient, headers: dict[str, str]
) -> None:
    hub.answers[COMMITS] = [Answer(429, b"x", headers), GOOD]
    started = time.monotonic()
    assert client.commits(ID)
    assert 1 <= time.monotonic() - started < 6


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_until_a_date_is_kept(hub: FaultyHub, client: HubClient, status: int) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)  # a date is told in whole seconds
    told = {"Retry-After": format_datetime(until, usegmt=True)}
    hub.answers[COMMITS] = [Answer(status, b"x", told), GOOD]
    assert client.commits(ID)
    assert datetime.now(UTC) >= until.replace(microsecond=0)


@pytest.mark.parametrize("asked", ["86400", "99999999999999999999"])
def test_too_long_a_wait_is_not_sat_out(hub: FaultyHub, client: HubClient, asked: str) -> None:
    hub.answers[COMMITS] = [Answer(429, b"x", {"Retry-After": asked})]
    with pytest.raises(HubUnavailable, match="asks to wait"):
        client.commits(ID)
    assert client.requests == {"commits": 1}


@pytest.mark.parametrize("asked", ["", "soon", "-5", "\xb2", "Wed, 99 Nov 2021"])
def test_a_wait_that_cannot_be_read_is_none(hub: FaultyHub, client: HubClient, asked: str) -> None:
    hub.answers[COMMITS] = [Answer(503, b"x", {"Retry-After": asked}), GOOD]
    assert client.commits(ID)


def test_the_listing_drops_repeats_and_stops_at_the_moment(
    hub: FaultyHub, client: HubClient
) -> None:
    first = [listed("o/a", "2023-03-03T00:00:00Z"), listed("o/b", "2023-03-02T00:00:00Z")]
    second = [listed("o/b", "2023-03-02T00:00:00Z"), listed("o/c", "2023-03-01T00:00:00Z")]
    link = f'<{hub.endpoint}/api/more>; rel="next"'
    hub.answers[LIST] = [Answer(body=as_json(first), headers={"Link": link})]
    hub.answers["/api/more"] = [Answer(body=as_json(second), headers={"Link": link})]
    since = datetime(2023, 3, 1, 12, tzinfo=UTC)
    assert [item.id for item in client.list_datasets(since)] == ["o/a", "o/b"]
    assert client.requests == {"list": 2}


@pytest.mark.parametrize("answer", [Answer(503, b"x"), Answer(hang=True)], ids=["error", "silence"])
def test_a_bare_id_without_an_answer_is_an_outage(hub: FaultyHub, answer: Answer) -> None:
    hub.answers[LIST] = [Answer(body=as_json([listed("bare", "2023-03-03T00:00:00Z")]))]
    hub.answers["/api/datasets/bare"] = [answer]
    impatient = HubClient(hub.endpoint, None, "", timeout=0.1, concurrency=1)
    with pytest.raises(HubUnavailable):
        list(impatient.list_datasets(None))
    assert impatient.requests == {"list": 1, "info": 4, "retries": 3}


def test_a_bare_id_that_is_deleted_after_it_was_listed_is_left_out(
    hub: FaultyHub, client: HubClient
) -> None:
    entries = [listed(name, "2023-03-03T00:00:00Z") for name in ("gone", "owner/name")]
    hub.answers[LIST] = [Answer(body=as_json(entries))]
    gone = Answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
    hub.answers["/api/datasets/gone"] = [gone]
    assert [item.id for item in client.list_datasets(None)] == ["owner/name"]


def test_waits_double_and_are_spread(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(hub_session, "FIRST_WAIT", 8.0)
    monkeypatch.setattr(hub_session.time, "sleep", pauses.append)
    hub.answers[COMMITS] = [Answer(503, b"x")]
    for _ in range(3):
        with pytest.raises(HubUnavailable, match="attempts: 4"):
            client.commits(ID)
    assert client.requests == {"commits": 12, "retries": 9}
    waits = [pause for pause in pauses if pause >= 1]  # the others hand a place over
    for at, wait in enumerate(waits):
        most = 8.0 * 2 ** (at % 3)
        assert most / 2 <= wait <= most
    assert len(set(waits)) == 9, "callers that failed together would come back together"


def test_a_range_of_another_revision_is_not_taken(hub: FaultyHub, client: HubClient) -> None:
    hub.answers[RANGE] = [Answer(206, b"stale", {"X-Repo-Commit": "b" * 40})]
    with client.open(ID, SHA, "x.csv", 5) as file, pytest.raises(HubUnavailable, match="b" * 40):
        file.read()


def test_a_bare_id_is_asked_for_in_full(hub: FaultyHub, client: HubClient) -> None:
    hub.answers[LIST] = [Answer(body=as_json([listed("bare", "2023-03-03T00:00:00Z")]))]
    hub.answers["/api/datasets/bare"] = [Answer(body=as_json({"id": "owner/bare"}))]
    assert [item.id for item in client.list_datasets(None)] == ["owner/bare"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(404, b"{}", {"X-Error-Code": "RepoNotFound"}), Reason.GONE),
        (Answer(401, b"{}", {"X-Error-Code": "RepoNotFound"}), Reason.GONE),
        (Answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"}), Reason.GONE),
        (Answer(403, b"{}", {"X-Error-Code": "GatedRepo"}), Reason.GATED),
        (Answer(401, b"{}", {"X-Error-Code": "GatedRepo"}), Reason.GATED),
        (
            Answer(403, b"{}", {"X-Error-Message": "Access to this resource is disabled."}),
            Reason.DISABLED,
        ),
        (Answer(401, b"{}"), Reason.PRIVATE),
        (Answer(403, b"{}"), Reason.PRIVATE),
        (Answer(410, b"{}"), Reason.GONE),
    ],
)
def test_refusals_are_final(
    hub: FaultyHub, client: HubClient, answer: Answer, reason: Reason
) -> None:
    hub.answers[CARD] = [answer]
    with pytest.raises(HubRefused) as refusal:
        client.card_bytes(ID, SHA)
    assert refusal.value.reason is reason
    assert client.requests == {"resolve": 1}
    again = pickle.loads(pickle.dumps(refusal.value))  # noqa: S301 - our own bytes
    assert again.reason is reason


def test_a_repository_that_is_deleted_after_it_was_listed(
    hub: FaultyHub, client: HubClient
) -> None:
    hub.answers[LIST] = [Answer(body=as_json([listed(ID, "2023-03-03T00:00:00Z")]))]
    [listing] = client.list_datasets(None)
    gone = Answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
    for path in (COMMITS, CARD, f"/api/datasets/{ID}/tree/{SHA}"):
        hub.answers[path] = [gone]
    calls: list[Callable[[], object]] = [
        lambda: client.commits(listing.id),
        lambda: client.card_bytes(listing.id, SHA),
        lambda: client.files(listing.id, SHA),
    ]
    for call in calls:
        with pytest.raises(HubRefused) as refusal:
            call()
        assert refusal.value.reason is Reason.GONE
    assert client.requests["retries"] == 0


def test_a_refusal_in_the_hubs_own_words_whatever_its_letters(
    hub: FaultyHub, client: HubClient
) -> None:
    told = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Acc\xe8s refus\xe9"}
    hub.answers[CARD] = [Answer(403, b"{}", told)]
    with pytest.raises(HubRefused, match="Accès refusé"):
        client.card_bytes(ID, SHA)


def test_a_token_that_the_hub_does_not_know_is_a_setting_to_mend(
    hub: FaultyHub, client: HubClient
) -> None:
    told = {"X-Error-Message": "Invalid credentials in Authorization header"}
    hub.answers[CARD] = [Answer(401, b"{}", told)]
    with pytest.raises(InvalidSetting, match="HF_TOKEN"):
        client.card_bytes(ID, SHA)


def test_only_the_given_token_is_sent(hub: FaultyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_from_the_environment")
    hub.answers[COMMITS] = [GOOD]
    hub.files["README.md"] = b"card"
    for token in (None, "hf_given"):
        client = HubClient(hub.endpoint, token, "", timeout=1, concurrency=1)
        client.commits(ID)
        client.card_bytes(ID, SHA)
    sent = [headers.get("authorization") for _, headers in hub.asked]
    assert sent == [None, None, "Bearer hf_given", "Bearer hf_given"]


def test_a_card_is_read_up_to_its_bound(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_CARD_BYTES", 100_000)
    hub.files["README.md"] = b"x" * 9_000_000
    assert client.card_bytes(ID, SHA) == b"x" * 100_001
    hub.files["README.md"] = b""
    assert client.card_bytes(ID, SHA) == b""
    del hub.files["README.md"]
    assert client.card_bytes(ID, SHA) is None


def test_a_file_of_another_revision_is_not_taken(hub: FaultyHub, client: HubClient) -> None:
    hub.answers[CARD] = [Answer(body=b"<html>Welcome</html>", kind="text/html")]
    with pytest.raises(HubUnavailable, match="none"):
        client.card_bytes(ID, SHA)
    hub.answers[CARD] = [Answer(body=b"stale", headers={"X-Repo-Commit": "b" * 40})]
    with pytest.raises(HubUnavailable, match="b" * 40):
        client.card_bytes(ID, SHA)


def test_a_redirect_to_a_file_store_is_followed(hub: FaultyHub, client: HubClient) -> None:
    told = {"Location": "/store/1", "X-Repo-Commit": SHA}
    hub.answers[CARD] = [Answer(302, b"", told)]
    hub.answers["/store/1"] = [Answer(body=b"from the store")]
    assert client.card_bytes(ID, SHA) == b"from the store"


def test_large_files_are_read_by_ranges(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_file, "WHOLE", 1_000)
    content = bytes(range(256)) * 1_600
    hub.files["big.bin"] = content
    with client.open(ID, SHA, "big.bin", len(content)) as file:
        file.seek(50_000)
        assert file.read(3_000) == content[50_000:53_000]
        file.seek(-10, 2)
        assert file.read() == content[-10:]
        file.seek(0)
        assert file.read() == content
    ranges = [headers["range"] for _, headers in hub.asked]
    assert f"bytes={len(content) - 10}-{len(content) - 1}" in ranges


def test_ranges_come_over_one_connection(hub: FaultyHub, client: HubClient) -> None:
    hub.files["x.csv"] = b"x" * (3 * remote_file.WHOLE)
    with client.open(ID, SHA, "x.csv", 3 * remote_file.WHOLE) as file:
        assert file.read() == hub.files["x.csv"]
    assert len(hub.asked) > 1
    assert hub.connections == 1


def test_a_server_without_ranges_is_found_out(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_file, "WHOLE", 1_000)
    hub.ignores_ranges = True
    hub.files["big.bin"] = b"x" * 5_000
    with client.open(ID, SHA, "big.bin", 5_000) as file:
        file.seek(2_000)
        with pytest.raises(HubUnavailable, match="range"):
            file.read(10)


def test_a_file_shorter_than_listed_is_found_out(hub: FaultyHub, client: HubClient) -> None:
    hub.files["x.csv"] = b"a,b\n"
    with client.open(ID, SHA, "x.csv", 900) as file, pytest.raises(HubUnavailable, match="900"):
        file.read()


def test_too_many_files_are_refused(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_TREE_ENTRIES", 3)
    path = f"/api/datasets/{ID}/tree/{SHA}"
    entries = [{"type": "file", "path": f"{n}.csv", "size": 1, "oid": SHA} for n in range(2)]
    link = f'<{hub.endpoint}{path}>; rel="next"'
    hub.answers[path] = [Answer(body=as_json(entries), headers={"Link": link})]
    with pytest.raises(HubRefused, match="allowed: 3") as refusal:
        client.files(ID, SHA)
    assert refusal.value.reason is Reason.TOO_MANY_FILES
    assert client.requests == {"tree": 2}


def test_no_more_requests_at_the_same_time_than_allowed(hub: FaultyHub) -> None:
    hub.answers[COMMITS] = [Answer(body=as_json([COMMIT]), trickle=0.001)]
    client = HubClient(hub.endpoint, None, "", timeout=5, concurrency=2)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(client.commits, [ID] * 6))
    assert [len(commits) for commits in answers] == [1] * 6
    assert client.requests == {"commits": 6}
    assert hub.busiest == 2


def test_requests_of_others_in_the_process_are_left_alone(
    hub: FaultyHub, client: HubClient
) -> None:
    hub.answers["/other"] = [Answer(500, b"x")]
    assert get_session().get(f"{hub.endpoint}/other").status_code == 500
    assert hub.paths() == ["/other"]
    assert client.requests == {}
