"""The dataset viewer, over the recorded Parquet files of the newest commit."""

import base64
import datetime
import decimal
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.responses import JSONResponse, Response

from demo.hub_call import Call
from demo.hub_errors import HubError
from demo.hub_repository import CONVERTED, Repository

_MOST_ROWS = 100
_FIRST_ROWS_BYTES = 1_000_000
_MEDIA_FIELDS = {"bytes", "path"}
_Splits = dict[str, dict[str, Path]]


@dataclass(frozen=True)
class _Footer:
    """What a Parquet footer tells: features in the Hub's form, rows, bytes in memory."""

    features: Mapping[str, Any]
    rows: int
    memory_bytes: int


@dataclass(frozen=True)
class _View:
    """A dataset the viewer can show, narrowed to the config and split that were asked for."""

    call: Call
    repository: Repository
    splits: _Splits

    def one_split(self) -> tuple[str, str, Path]:
        config, split = self._required("config"), self._required("split")
        return config, split, self.splits[config][split]

    def files(self) -> list[tuple[str, str, Path]]:
        return [(c, s, file) for c, splits in self.splits.items() for s, file in splits.items()]

    def named(self, config: str, split: str | None = None) -> dict[str, str]:
        name = {"dataset": self.repository.id, "config": config}
        return name if split is None else {**name, "split": split}

    def _required(self, name: str) -> str:
        return _required(self.call, name)


def view_dataset(call: Call) -> Response:
    """GET /viewer/{endpoint}; every answer about a known dataset names its newest commit."""
    handler = _ENDPOINTS.get(call.segments[1]) if len(call.segments) == 2 else None
    if handler is None or call.method not in ("GET", "HEAD"):
        raise HubError(404, "No such endpoint")
    repository = _readable(call, _required(call, "dataset"))
    try:
        _check_ready(repository, call.segments[1])
        content = handler(_View(call, repository, _narrowed(repository.splits(), call)))
    except HubError as error:
        error.revision = repository.head
        raise
    return JSONResponse(content, headers={"X-Revision": repository.head})


def _check_ready(repository: Repository, endpoint: str) -> None:
    """Refuse what the index names as not ready; the real viewer computes endpoint by endpoint."""
    if endpoint in repository.facts.get("viewer_not_ready", ()):
        words = "The server is busier than usual and the response is not ready yet."
        raise HubError(500, words, "ResponseNotReady")


def _required(call: Call, name: str) -> str:
    value = call.value(name)
    if not value:
        raise HubError(422, f"Parameter '{name}' is required", "MissingRequiredParameter")
    return value


def _readable(call: Call, dataset: str) -> Repository:
    refusal = HubError(
        401,
        "The dataset does not exist, or is not accessible without authentication"
        " (private or gated).",
        "ExternalUnauthenticatedError",
    )
    try:
        repository = call.catalogue.get(dataset, call.has_token)
    except HubError as error:
        raise refusal from error
    if repository.facts.get("gated") or repository.facts.get("disabled"):
        raise refusal
    return repository


def _narrowed(splits: _Splits, call: Call) -> _Splits:
    config, split = call.value("config"), call.value("split")
    if config is not None:
        splits = {name: held for name, held in splits.items() if name == config}
    if split is not None:
        splits = {name: {split: held[split]} for name, held in splits.items() if split in held}
    return splits


def _shown(view: _View) -> _View:
    """The view, with something in it.

    Raises:
        HubError: 500 EmptyDatasetError without any rows, else 404 ResponseNotFound.
    """
    if not view.repository.splits():
        raise HubError(500, "The dataset is empty.", "EmptyDatasetError")
    if not view.splits:
        raise HubError(404, "The config or the split does not exist.", "ResponseNotFound")
    return view


def _is_valid(view: _View) -> dict[str, bool]:
    ready = bool(view.splits)
    return {
        "preview": ready,
        "viewer": ready,
        "search": False,
        "filter": False,
        "statistics": False,
    }


def _splits(view: _View) -> dict[str, Any]:
    found = [view.named(config, split) for config, split, _ in _shown(view).files()]
    return {"splits": found, "pending": [], "failed": []}


def _info(view: _View) -> dict[str, Any]:
    described = {config: _config_info(view, config) for config in _shown(view).splits}
    asked = view.call.value("config")
    content = described if asked is None else described[asked]
    return {"dataset_info": content, "pending": [], "failed": [], "partial": False}


def _config_info(view: _View, config: str) -> dict[str, Any]:
    name = view.repository.id.split("/")[1]
    files = view.splits[config]
    footers = {split: _footer(file) for split, file in files.items()}
    return {
        "builder_name": "parquet",
        "dataset_name": name,
        "config_name": config,
        "features": next(iter(footers.values())).features,
        "splits": {
            split: {
                "name": split,
                "num_bytes": footer.memory_bytes,
                "num_examples": footer.rows,
                "dataset_name": name,
            }
            for split, footer in footers.items()
        },
        "download_size": sum(file.stat().st_size for file in files.values()),
        "dataset_size": sum(footer.memory_bytes for footer in footers.values()),
    }


def _first_rows(view: _View) -> dict[str, Any]:
    config, split, file = _shown(view).one_split()
    rows: list[dict[str, Any]] = []
    used = 0
    for row in _rows_json(file, 0, _MOST_ROWS):
        used += len(json.dumps(row, ensure_ascii=False).encode())
        if rows and used > _FIRST_ROWS_BYTES:
            break
        rows.append(row)
    return {
        **view.named(config, split),
        "features": _features_json(file),
        "rows": rows,
        "truncated": len(rows) < _footer(file).rows,
    }


def _rows(view: _View) -> dict[str, Any]:
    offset, length = _window(view.call)
    _, _, file = _shown(view).one_split()
    return {
        "features": _features_json(file),
        "rows": _rows_json(file, offset, length),
        "num_rows_total": _footer(file).rows,
        "num_rows_per_page": _MOST_ROWS,
        "partial": False,
    }


def _window(call: Call) -> tuple[int, int]:
    try:
        offset, length = call.number("offset", 0), call.number("length", _MOST_ROWS)
    except HubError as error:
        raise HubError(422, error.message, "InvalidParameter") from error
    if length > _MOST_ROWS:
        message = f"Parameter 'length' must not be greater than {_MOST_ROWS}"
        raise HubError(422, message, "InvalidParameter")
    return offset, length


def _parquet(view: _View) -> dict[str, Any]:
    branch = quote(CONVERTED, safe="")
    base = f"{view.call.origin}/datasets/{view.repository.id}/resolve/{branch}"
    found = [
        {
            **view.named(config, split),
            "url": f"{base}/{quote(config)}/{quote(split)}/0000.parquet",
            "filename": "0000.parquet",
            "size": file.stat().st_size,
        }
        for config, split, file in _shown(view).files()
    ]
    return {"parquet_files": found, "pending": [], "failed": [], "partial": False}


def _size(view: _View) -> dict[str, Any]:
    splits = [
        {**view.named(config, split), **_sizes([file])}
        for config, split, file in _shown(view).files()
    ]
    configs = [
        {**view.named(config), **_sizes(list(files.values()))}
        for config, files in view.splits.items()
    ]
    whole = {"dataset": view.repository.id, **_sizes([file for *_, file in view.files()])}
    size = {"dataset": whole, "configs": configs, "splits": splits}
    return {"size": size, "pending": [], "failed": [], "partial": False}


def _sizes(files: list[Path]) -> dict[str, int]:
    footers = [_footer(file) for file in files]
    return {
        "num_bytes_parquet_files": sum(file.stat().st_size for file in files),
        "num_bytes_memory": sum(footer.memory_bytes for footer in footers),
        "num_rows": sum(footer.rows for footer in footers),
    }


def _statistics(_: _View) -> dict[str, Any]:
    raise HubError(501, "Statistics are not computed here.", "NotImplemented")


_ENDPOINTS: Mapping[str, Callable[[_View], dict[str, Any]]] = {
    "is-valid": _is_valid,
    "splits": _splits,
    "info": _info,
    "first-rows": _first_rows,
    "rows": _rows,
    "parquet": _parquet,
    "size": _size,
    "statistics": _statistics,
}


@lru_cache(maxsize=4_096)
def _footer(file: Path) -> _Footer:
    with pq.ParquetFile(file) as parquet:
        schema, metadata = parquet.schema_arrow, parquet.metadata
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        memory = sum(group.total_byte_size for group in groups)
        return _Footer(_features(schema), metadata.num_rows, memory)


def _features(schema: pa.Schema) -> dict[str, Any]:
    recorded = (schema.metadata or {}).get(b"huggingface")
    if recorded is not None:
        features: dict[str, Any] = json.loads(recorded)["info"]["features"]
        return features
    return {field.name: {"dtype": str(field.type), "_type": "Value"} for field in schema}


def _features_json(file: Path) -> list[dict[str, Any]]:
    features = _footer(file).features
    return [
        {"feature_idx": index, "name": name, "type": feature}
        for index, (name, feature) in enumerate(features.items())
    ]


def _rows_json(file: Path, offset: int, length: int) -> list[dict[str, Any]]:
    rows = pq.read_table(file, partitioning=None).slice(offset, length).to_pylist()
    return [
        {"row_idx": offset + index, "row": _cell(row), "truncated_cells": []}
        for index, row in enumerate(rows)
    ]


def _cell(value: Any) -> Any:
    """JSON for a cell; class labels stay integers, media become a link that leads nowhere."""
    if isinstance(value, dict):
        if set(value) == _MEDIA_FIELDS and isinstance(value["bytes"], bytes | None):
            return {"src": None}
        return {key: _cell(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cell(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    return value
