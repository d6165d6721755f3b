"""A tiny recorded Hub, a server over it and the real clients in a process of their own."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn

from demo.hub_server import create_app

COMMITS = [
    {"sha": f"{number:040x}", "date": f"2021-0{number}-01T10:00:00Z", "title": f"commit {number}"}
    for number in (5, 4, 3, 2, 1)
]
SHA = {number: f"{number:040x}" for number in range(1, 6)}
FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "label": {"names": ["bad", "good"], "_type": "ClassLabel"},
}
ROWS = 250


@dataclass(frozen=True)
class Hub:
    """A running server: its address, the folder it reads and its request log."""

    endpoint: str
    root: Path
    log: Path

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def raw(self, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request whose path goes out as written, unlike with clients that tidy it."""
        host = self.endpoint.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, names, answer.read()
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        return json.loads(self.raw("GET", path)[2])

    def client(self, script: str, **environment: str) -> Any:
        """Runs a script with the real clients pointed here; it leaves its result in `result`."""
        home = self.log.parent / "client-home"
        settings = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "*",
        }
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        finished = subprocess.run(
            [sys.executable, "-c", f"{script}\nimport json\nprint('RESULT', json.dumps(result))"],
            env={**inherited, **settings, **environment},
            cwd=self.log.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout.rpartition("RESULT ")[2])


@contextlib.contextmanager
def serve(
    root: Path, log: Path, page_size: int = 100, uploads: Path | None = None
) -> Iterator[Hub]:
    app = create_app(root, log=log, page_size=page_size, uploads=uploads)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended before it started"
            time.sleep(0.01)
        yield Hub(f"http://127.0.0.1:{listener.getsockname()[1]}", root, log)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def write_hub(root: Path) -> None:
    """Seven datasets: one with history and rows, an owned one, and one for each refusal."""
    root.mkdir(exist_ok=True)
    entries = [
        _reviews(root),
        _plain(root, "org/owned", created_at="2022-03-01T00:00:00Z", likes=3),
        _plain(root, "card_only", created_at="2020-01-01T00:00:00Z", likes=9),
        _plain(root, "locked", gated="manual"),
        _plain(root, "secret", private=True),
        _plain(root, "closed", disabled=True),
        {"id": "uncommitted", "sha": None, "commits": [], "card_versions": [], "tags": []},
    ]
    lines = "".join(json.dumps(entry) + "\n" for entry in entries)
    (root / "index.jsonl").write_text(lines)


def _reviews(root: Path) -> dict[str, Any]:
    folder = root / "datasets/reviews"
    (folder / "history").mkdir(parents=True)
    (folder / "history" / f"{SHA[2]}.md").write_text("---\nlicense: mit\n---\nold card\n")
    (folder / "README.md").write_text(
        "---\nlicense: apache-2.0\nlanguage:\n- no\ndate: 2021-01-01\n---\nnew card\n"
    )
    (folder / "dataset_infos.json").write_text("{}")
    write_parquet(folder / "small" / "train.parquet", ROWS)
    write_parquet(folder / "small" / "test.parquet", 3)
    touched = {4: ["README.md"], 2: ["README.md"]}
    return {
        "id": "reviews",
        "created_at": "2021-01-01T10:00:00Z",
        "last_modified": "2021-05-01T10:00:00Z",
        "sha": SHA[5],
        "gated": False,
        "private": False,
        "tags": ["license:apache-2.0", "language:no"],
        "likes": 5,
        "commits": [c | {"files": touched.get(int(c["sha"], 16), [])} for c in COMMITS],
        "card_versions": [
            {"sha": SHA[4], "date": COMMITS[1]["date"], "path": "datasets/reviews/README.md"},
            {
                "sha": SHA[2],
                "date": COMMITS[3]["date"],
                "path": f"datasets/reviews/history/{SHA[2]}.md",
            },
        ],
    }


def _plain(root: Path, name: str, **facts: Any) -> dict[str, Any]:
    folder = root / "datasets" / name
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\nplain\n")
    commits = [COMMITS[-1] | {"files": ["README.md"]}]
    entry = {"id": name, "created_at": "2021-06-01T00:00:00Z", "commits": commits}
    return entry | {"sha": SHA[1], "tags": ["license:mit"], "card_versions": []} | facts


def write_parquet(path: Path, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(
        [("text", pa.string()), ("label", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
    )
    columns = {"text": [f"row {i}" for i in range(rows)], "label": [i % 2 for i in range(rows)]}
    pq.write_table(pa.table(columns, schema=schema), path, compression="zstd")
