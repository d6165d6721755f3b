"""A Hub of made-up datasets that answers every request after a latency.

Usage: python -m benchmarks.hub_child PORT DATASETS KEPT LATENCY_SECONDS

`PER_DAY` datasets were made on each day before `NEWEST`, the first `KEPT` of each thousand sound,
with two configs. `GET /counts` gives the requests by kind and starts the count anew.
"""

import asyncio
import io
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PER_DAY = 1_000
NEWEST = datetime(2026, 10, 31, 12, tzinfo=UTC)
MODIFIED_SINCE = 20  # of the newest day: pushed to once more, on the day after
CARDS_THAT_TELL = 20  # of each day: their text restricts the licence that their YAML names
CONFIGS = ("first", "second")
CARD = """---
license: mit
language: en
configs:
- config_name: first
  data_files: first/*.parquet
- config_name: second
  data_files: second/*.parquet
---
# Notes

## Dataset Summary
Notes of a harbour, each with the mood in which it was written.
"""
RESTRICTED = """---
license: mit
language: en
---
# Notes

### Licensing Information
For non-commercial use.
"""
SOUND: dict[str, Any] = {"license": "mit", "language": "en"}
# Five in ten without a licence, two not allowed, three in other languages: as in a recording of
# 402 real datasets that are dropped for their cards.
DROPPED: tuple[dict[str, Any], ...] = (
    *[{"language": "en"}] * 5,
    {"license": "cc-by-nc-4.0", "language": "en"},
    {"license": "openrail", "language": ["en", "fr"]},
    *[{"license": "mit", "language": "zh"}] * 2,
    {"license": "mit", "language": ["de", "en"]},
)


class Datasets:
    """The list, newest first; dataset number n was made `n // PER_DAY` days before `NEWEST`."""

    def __init__(self, number: int, kept: int) -> None:
        self.number = number
        self.kept = kept

    def entry(self, n: int) -> dict[str, Any]:
        place = n % PER_DAY
        made = NEWEST - timedelta(days=n // PER_DAY, seconds=place)
        since = timedelta(days=1) if n < MODIFIED_SINCE else timedelta()
        return {
            "id": f"owner{n % 97}/notes-{n}",
            "createdAt": written(made),
            "lastModified": written(made + since),
            "sha": f"{n:039x}{1 if since else 0}",
            "tags": ["region:us", "size_categories:n<1K", "format:parquet"],
            "cardData": self.yaml(place),
            "gated": "manual" if self.kept <= place and place % 10 == 9 else False,
            "private": False,
            "disabled": False,
            "downloads": place,
            "likes": place % 7,
        }

    def yaml(self, place: int) -> dict[str, Any]:
        if place < self.kept + CARDS_THAT_TELL:
            return SOUND
        return DROPPED[place % len(DROPPED)]

    def card(self, n: int) -> str:
        return CARD if n % PER_DAY < self.kept else RESTRICTED


def written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def table() -> bytes:
    moods = ("calm", "cross", "glad")
    rows = [{"note": f"Boat {n} left at {n % 12}.", "mood": moods[n % 3]} for n in range(300)]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


class Server:
    def __init__(self, datasets: Datasets, latency: float, origin: str) -> None:
        self.datasets = datasets
        self.latency = latency
        self.origin = origin
        self.counts: Counter[str] = Counter()
        self.table = table()

    async def answer(self, request: Request) -> Response:
        due = asyncio.get_running_loop().time() + self.latency
        kind, reply = self.find(request.path_params["path"].split("/"), request)
        self.counts[kind] += 1
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        return reply

    def find(self, parts: list[str], request: Request) -> tuple[str, Response]:
        if parts == ["api", "datasets"]:
            return "list", self.page(request)
        number = next((int(p.partition("-")[2]) for p in parts if p.startswith("notes-")), -1)
        if "commits" in parts:
            return "commits", self.commits(number)
        if "tree" in parts:
            return "tree", self.tree()
        if parts[-1] == "README.md":
            return "card", self.file(request, self.datasets.card(number).encode())
        if parts[-1].endswith(".parquet"):
            return "rows", self.file(request, self.table)
        missing = {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
        return "other", JSONResponse({}, 404, headers=missing)

    def page(self, request: Request) -> Response:
        start = int(request.query_params.get("cursor", "0"))
        size = min(int(request.query_params.get("limit", "1000")), 1_000)
        stop = min(start + size, self.datasets.number)
        link = f'<{self.origin}/api/datasets?limit={size}&cursor={stop}>; rel="next"'
        headers = {"Link": link} if stop < self.datasets.number else {}
        entries = [self.datasets.entry(n) for n in range(start, stop)]
        return JSONResponse(entries, headers=headers)

    def commits(self, n: int) -> Response:
        entry = self.datasets.entry(n)
        dates = {"createdAt": f"{n:039x}0", "lastModified": entry["sha"]}
        found = {sha: entry[key] for key, sha in dates.items()}
        facts = {"title": "push", "message": "", "authors": []}
        listed = [{"id": sha, "date": date, **facts} for sha, date in found.items()]
        return JSONResponse(listed[::-1])

    def tree(self) -> Response:
        files = [(f"{name}/train.parquet", len(self.table)) for name in CONFIGS]
        files.append(("README.md", len(CARD)))
        return JSONResponse(
            [{"type": "file", "path": p, "size": size, "oid": "0" * 40} for p, size in files]
        )

    def file(self, request: Request, content: bytes) -> Response:
        headers = {"X-Repo-Commit": request.path_params["path"].split("/")[4]}
        span = request.headers.get("range", "").removeprefix("bytes=").split("-")
        if len(span) == 1:
            return Response(content, headers=headers)
        start, stop = int(span[0]), min(int(span[1]) + 1, len(content))
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        return Response(content[start:stop], 206, headers=headers)

    async def tell(self, _: Request) -> Response:
        told, self.counts = self.counts, Counter()
        return JSONResponse(told)


def main() -> None:
    port, number, kept, latency = (float(value) for value in sys.argv[1:])
    datasets = Datasets(int(number), int(kept))
    server = Server(datasets, latency, f"http://127.0.0.1:{port:.0f}")
    routes = [Route("/counts", server.tell), Route("/{path:path}", server.answer)]
    app = Starlette(routes=routes)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
