"""What the process of `dynosaur_etl.hub.streaming` does: read rows with `datasets`, tell, and end.

It is started as `python -m dynosaur_etl.hub.stream_child FOLDER` with its job as JSON on standard
input, and leaves two files in the folder. Memory, processor time and the size of a file are bounded
by the system.
"""

import json
import resource
import signal
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import pyarrow as pa
from huggingface_hub import HfFileSystem, get_session
from huggingface_hub.errors import (
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable, not_allowed
from dynosaur_etl.domain.models import Config
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import error_line
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.formats import BUILDERS, PLAIN, READ_HERE
from dynosaur_etl.hub.plain_columns import empty_table
from dynosaur_etl.hub.reader_options import known_options
from dynosaur_etl.hub.streaming import MAX_BYTES, OUTCOME_FILE, ROWS_FILE, is_safe
from dynosaur_etl.net.hub_session import HubRequest, RequestCounter, Terms, install, under

MAX_MEMORY = 8 << 30
MAX_MEMBERS = 1_000
BATCH = 100
_LARGEST_ANSWER = 1 << 26

_Read = list[tuple[int, bool]]


def main() -> None:
    job, folder = json.load(sys.stdin), Path(sys.argv[1])
    _bound(job["seconds"])
    install()
    get_session().event_hooks["response"].append(_same_revision(job["revision"]))
    counter = RequestCounter()
    outcome: dict[str, Any] = {"read": [], "unavailable": "", "refused": "", "reason": ""}
    with under(_terms(job, counter)):
        try:
            outcome["read"] = _read_rows(job, folder / ROWS_FILE)
        except Exception as error:  # noqa: BLE001 - whatever hostile files raise, ends here
            outcome |= _words(error)
    told = json.dumps({**outcome, "requests": dict(counter.requests)})
    (folder / OUTCOME_FILE).write_text(told)


def _bound(seconds: float) -> None:
    """Bound the process, also for the case that nobody is left who would kill it."""
    signal.alarm(int(seconds) + 1)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MAX_BYTES, 4 * MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _terms(job: Mapping[str, Any], counter: RequestCounter) -> Terms:
    return Terms(
        HubRequest.STREAM, job["timeout"], _LARGEST_ANSWER, threading.Semaphore(1), counter
    )


def _same_revision(sha: str) -> Any:
    def check(answer: httpx2.Response) -> None:
        told = answer.headers.get("x-repo-commit", sha)
        if told != sha:
            raise HubUnavailable(not_allowed("revision", told, [sha]))

    return check


def _read_rows(job: Mapping[str, Any], target: Path) -> _Read:
    """Write the files' first rows, and give for each file their number and whether it is all.

    Nothing but the columns is written of a config that its features drop.
    """
    splits = zip(_open(job).values(), job["paths"], strict=True)
    shards = [shard for split, paths in splits for shard in _shards(split, len(paths))]
    first = next((batch for shard in shards for batch in _batches(shard, job)), None)
    columns = _columns(shards[0], first)
    if not _is_wanted(columns.schema, job):
        _write([columns], target)
        return [(0, False)] * len(shards)
    batches = [columns]
    read: _Read = []
    for shard in shards:
        held = list(_batches(shard, job))
        rows = sum(table.num_rows for table in held)
        size = sum(table.nbytes for table in held)
        read.append((rows, rows < job["most_records"] and size < job["most_bytes"]))
        batches += held
    _write(batches, target)
    return read


def _shards(split: Any, files: int) -> Iterator[Any]:
    """Part a split into its files."""
    if split.num_shards != files:
        raise ValueError(f"{split.num_shards} shards of {files} files")
    for number in range(files):
        yield split.shard(num_shards=files, index=number)


def _open(job: Mapping[str, Any]) -> Any:
    """Open the files as an `IterableDatasetDict` whose splits are `s0`, `s1` and so on."""
    import datasets
    from datasets.packaged_modules.webdataset.webdataset import WebDataset

    WebDataset.DECODERS.pop("pth")  # it would unpickle, if only what is said to be harmless
    datasets.config.STREAMING_READ_MAX_RETRIES = 1  # the session below retries, and counts it
    datasets.config.STREAMING_OPEN_MAX_RETRIES = 1
    datasets.disable_progress_bars()
    builder, options = _builder(job)
    urls = {f"s{at}": [_url(job, path) for path in paths] for at, paths in enumerate(job["paths"])}
    if job["features"] is not None:
        options = {**options, "features": datasets.Features._from_yaml_list(job["features"])}
    return datasets.load_dataset(
        builder,
        data_files=urls,
        streaming=True,
        token=job["token"],
        **{**options, **known_options(builder, job["options"])},
    )


def _url(job: Mapping[str, Any], path: str) -> str:
    return f"hf://datasets/{job['dataset']}@{job['revision']}/{path}"


def _builder(job: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if job["format"] != "zip":
        return BUILDERS[job["format"]]
    files = HfFileSystem(endpoint=job["endpoint"], token=job["token"])
    suffixes: Counter[str] = Counter()
    for path in (path for paths in job["paths"] for path in paths):
        with files.open(_url(job, path)) as packed, zipfile.ZipFile(packed) as archive:
            suffixes.update(map(_suffix_of_member, islice(archive.namelist(), MAX_MEMBERS)))
    [(commonest, _)] = suffixes.most_common(1)
    known = PLAIN.get(commonest)
    if known not in READ_HERE:
        words = not_allowed("files in a ZIP archive", commonest, READ_HERE)
        raise HubRefused(words, Reason.ROWS_UNREADABLE)
    return str(known), {"sep": "\t"} if commonest == "tsv" else {}


def _suffix_of_member(name: str) -> str:
    if not is_safe(name):
        words = not_allowed("name in a ZIP archive", name[:200], "a plain path")
        raise HubRefused(words, Reason.ROWS_UNREADABLE)
    return name.rpartition(".")[2].lower()


def _batches(split: Any, job: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Yield rows in batches until the split ends or its bounds are reached."""
    rows = size = 0
    for batch in _tables(split, job):
        table = _own(batch).slice(0, job["most_records"] - rows)
        rows += table.num_rows
        size += table.nbytes
        yield table
        if rows >= job["most_records"] or size >= job["most_bytes"]:
            return


def _tables(split: Any, job: Mapping[str, Any]) -> Iterator[pa.Table]:
    if job["format"] != "webdataset":
        yield from split.with_format("arrow").iter(BATCH)
        return
    for batch in split.iter(BATCH):  # its last example has its fields in another order
        yield pa.table(batch, schema=split.features.arrow_schema)


def _own(table: pa.Table) -> pa.Table:
    """Leave out what WebDataset adds: each example's name and archive."""
    return table.select([name for name in table.column_names if not name.startswith("__")])


def _columns(split: Any, first: pa.Table | None) -> pa.Table:
    """Give an empty table whose schema carries the split's features."""
    if split.features is not None:
        return _own(empty_table(split.features.arrow_schema))
    return pa.table({}) if first is None else first.slice(0, 0)


def _is_wanted(schema: pa.Schema, job: Mapping[str, Any]) -> bool:
    from datasets import Features

    features = json.loads(json.dumps(Features.from_arrow_schema(schema).to_dict()))
    return examine_config(Config(job["dataset"], job["revision"], "", features, {})).keep


def _write(batches: list[pa.Table], target: Path) -> None:
    """Write tables as one, whose features are those of the first."""
    bare = [table.replace_schema_metadata(None) for table in batches]
    table = pa.concat_tables(bare, promote_options="permissive")
    table = table.replace_schema_metadata(batches[0].schema.metadata)
    with pa.ipc.new_file(str(target), table.schema) as writer:
        writer.write_table(table)


def _words(error: BaseException) -> dict[str, str]:
    """Tell an outage of the Hub, which a retry may end, from files that cannot be read."""
    words = error_line(error)
    for cause in _causes(error):
        if isinstance(cause, RepositoryNotFoundError | RevisionNotFoundError):
            return {"refused": words, "reason": Reason.GONE}
        if isinstance(cause, HfHubHTTPError) and not _is_passing(cause.response.status_code):
            return {"refused": words, "reason": Reason.ROWS_UNREADABLE}
        if isinstance(cause, HubUnavailable | httpx2.HTTPError):
            return {"unavailable": str(cause)[:300]}
        if isinstance(cause, HubRefused):
            return {"refused": str(cause)[:300], "reason": cause.reason}
    return {"refused": words, "reason": Reason.ROWS_UNREADABLE}


def _is_passing(status: int) -> bool:
    return status == httpx2.codes.TOO_MANY_REQUESTS or status >= httpx2.codes.INTERNAL_SERVER_ERROR


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


if __name__ == "__main__":
    main()
