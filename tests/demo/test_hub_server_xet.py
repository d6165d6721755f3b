"""Large files by Xet: the real client sends them and fetches them, byte for byte."""

import hashlib
import http.client
import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from demo.xet_formats import FormatError, chunk_content, hash_text, read_chunks, read_shard
from tests.demo.hub_support import Hub, serve, write_hub

NAME = "team/set"
SIZES = {"mixed": 3_000_001, "random": 300_000, "numbers": 800_000}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    write_hub(tmp_path / "root")
    with serve(tmp_path / "root", tmp_path / "log.jsonl", uploads=tmp_path / "up") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that the client packs in each of its ways: plain, by LZ4, and in groups of four."""
    rng, folder = random.Random(0), tmp_path / "folder"
    words = [b"hello world ", b"xyz", bytes(40), rng.randbytes(9)]
    mixed = b"".join(rng.choice(words) for _ in range(400_000))
    numbers = b"".join((7 * n).to_bytes(4, "little") for n in range(SIZES["numbers"] // 4))
    folder.mkdir()
    (folder / "mixed.parquet").write_bytes(mixed[: SIZES["mixed"]])
    (folder / "random.parquet").write_bytes(rng.randbytes(SIZES["random"]))
    (folder / "numbers.parquet").write_bytes(numbers)
    return folder


def upload(folder: Path) -> str:
    return (
        "from huggingface_hub import HfApi, hf_hub_download\n"
        "api = HfApi()\n"
        f"api.create_repo({NAME!r}, repo_type='dataset')\n"
        f"api.upload_folder(repo_id={NAME!r}, folder_path={str(folder)!r}, repo_type='dataset')\n"
    )


FETCH = f"""
import hashlib
from pathlib import Path
from huggingface_hub import hf_hub_download
names = ['mixed', 'random', 'numbers']
paths = [hf_hub_download({NAME!r}, f'{{name}}.parquet', repo_type='dataset') for name in names]
result = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]
"""


def sums(folder: Path) -> list[str]:
    return [hashlib.sha256((folder / f"{n}.parquet").read_bytes()).hexdigest() for n in SIZES]


def asked(hub: Hub, part: str) -> list[tuple[str, int]]:
    return [(line["method"], line["status"]) for line in hub.requests() if part in line["path"]]


def test_files_go_up_and_come_back_by_xet(hub: Hub, folder: Path) -> None:
    assert hub.client(upload(folder) + FETCH, HF_TOKEN="hf_demo") == sums(folder)
    assert asked(hub, "/cas/v2/shards") == [("POST", 200)]
    assert set(asked(hub, "/cas/v1/xorbs/")) == {("POST", 200)}
    assert set(asked(hub, "/cas/v1/reconstructions/")) == {("GET", 200)}
    assert ("GET", 206) in asked(hub, "/cas/xorbs/")
    assert not asked(hub, "/large-files/")
    xorbs = [file.read_bytes() for file in (hub.log.parent / "up/xorbs").iterdir()]
    schemes = {xorb[chunk.start + 4] for xorb in xorbs for chunk in read_chunks(xorb)}
    assert schemes == {0, 1, 2}, "a way of packing was not met"


def test_what_came_by_xet_goes_to_clients_without_it_and_outlives_the_server(
    hub: Hub, folder: Path
) -> None:
    hub.client(upload(folder) + "result = None", HF_TOKEN="hf_demo")
    up = hub.log.parent / "up"
    with serve(hub.root, hub.log.with_name("second.jsonl"), uploads=up) as again:
        assert again.client(FETCH, HF_HUB_DISABLE_XET="1") == sums(folder)
        assert not asked(again, "/cas/")
        assert again.client(FETCH, HF_HOME=str(up.with_name("other"))) == sums(folder)


def test_a_range_of_a_file_is_told_by_its_chunks(hub: Hub, folder: Path) -> None:
    hub.client(upload(folder) + "result = None", HF_TOKEN="hf_demo")
    content = (folder / "mixed.parquet").read_bytes()
    head = hub.raw("HEAD", f"/datasets/{NAME}/resolve/main/mixed.parquet")[1]
    place = f"/cas/v1/reconstructions/{head['x-xet-hash']}"
    token = xet_token(hub, "read")
    for first, last in [(0, 0), (1_000_000, 1_200_000), (2_999_990, 9_999_999)]:
        asked_for = {"range": f"bytes={first}-{last}", "authorization": f"Bearer {token}"}
        status, _, raw = hub.raw("GET", place, **asked_for)
        assert status == 200
        told = json.loads(raw)
        start = told["offset_into_first_range"]
        found = fetched(hub, told)[start:][: last - first + 1]
        assert found == content[first : last + 1]
        assert len(fetched(hub, told)) < (last - first) + 2 * 2**18
    beyond = {"range": "bytes=3000001-3000002", "authorization": f"Bearer {token}"}
    assert hub.raw("GET", place, **beyond)[0] == 416
    assert hub.raw("GET", place, authorization="Bearer other")[0] == 401
    assert hub.raw("GET", place.replace("a", "b"), authorization=f"Bearer {token}")[0] == 404


def fetched(hub: Hub, told: dict[str, Any]) -> bytes:
    """Put the terms of an answer together as the specification says."""
    content = b""
    for term in told["terms"]:
        span = term["range"]
        [info] = [i for i in told["fetch_info"][term["hash"]] if i["range"] == span]
        ends = info["url_range"]
        path = info["url"].removeprefix(hub.endpoint)
        raw = hub.raw("GET", path, range=f"bytes={ends['start']}-{ends['end']}")[2]
        chunks = read_chunks(raw)
        assert len(chunks) == span["end"] - span["start"]
        content += b"".join(chunk_content(raw, chunk) for chunk in chunks)
    return content


def xet_token(hub: Hub, scope: str, revision: str = "main") -> str:
    path = f"/api/datasets/{NAME}/xet-{scope}-token/{revision}"
    status, headers, raw = hub.raw("GET", path, authorization="Bearer hf_demo")
    assert status == 200
    assert headers["x-xet-access-token"] == json.loads(raw)["accessToken"]
    return str(headers["x-xet-access-token"])


def post(hub: Hub, path: str, token: str, body: bytes) -> int:
    connection = http.client.HTTPConnection(hub.endpoint.removeprefix("http://"), timeout=10)
    connection.request("POST", path, body, {"Authorization": f"Bearer {token}"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_a_token_to_write_writes_and_only_to_uploaded_repositories(hub: Hub) -> None:
    hub.client(
        "from huggingface_hub import HfApi\n"
        f"result = HfApi().create_repo({NAME!r}, repo_type='dataset') and None",
        HF_TOKEN="hf_demo",
    )
    xorb, name = plain_xorb(b"content"), "/cas/v1/xorbs/default/" + "a" * 64
    assert post(hub, name, "other", xorb) == 401
    assert post(hub, name, xet_token(hub, "read"), xorb) == 403
    write = xet_token(hub, "write")
    assert post(hub, name, write, b"X") == 400
    assert post(hub, "/cas/v1/xorbs/default/..%2F..%2Fx", write, xorb) == 400
    assert post(hub, name, write, xorb) == 200
    recorded = "/api/datasets/legacy-datasets/reviews/xet-write-token/main"
    assert hub.raw("GET", recorded, authorization="Bearer hf_demo")[0] == 403
    assert hub.raw("GET", f"/api/datasets/{NAME}/xet-write-token/main")[0] == 401
    shards = "/cas/v2/shards"
    right = hashlib.sha256(b"content").digest()
    assert post(hub, shards, write, plain_shard(b"\xaa" * 32, bytes(32), 7)) == 400
    assert post(hub, shards, write, plain_shard(b"\xbb" * 32, right, 7)) == 400
    assert post(hub, shards, write, plain_shard(b"\xaa" * 32, right, 8)) == 400
    assert post(hub, shards, write, plain_shard(b"\xaa" * 32, right, 7)) == 200
    assert (hub.log.parent / "up/blobs" / right.hex()).read_bytes() == b"content"


def plain_xorb(content: bytes) -> bytes:
    size = len(content).to_bytes(3, "little")
    return b"\0" + size + b"\0" + size + content


def as_number_text(raw: bytes) -> bytes:
    """Turn the bytes of a plain checksum so that the API's way of writing gives it again."""
    return b"".join(raw[at : at + 8][::-1] for at in range(0, 32, 8))


def plain_shard(xorb: bytes, sha256: bytes, length: int) -> bytes:
    header = struct.pack("<32sQQ", b"tag", 2, 0)
    file = struct.pack("<32sIIQ", b"\x01" * 32, 1 << 30, 1, 0)
    term = struct.pack("<32sIIII", xorb, 0, length, 0, 1)
    return header + file + term + as_number_text(sha256) + bytes(16) + b"\xff" * 32 + bytes(16)


def test_a_hash_is_written_as_the_specification_says() -> None:
    example = "07060504030201000f0e0d0c0b0a0908171615141312111f1e1d1c1b1a1918"
    assert hash_text(bytes(range(32))) == example[:46] + "10" + example[46:]


@pytest.mark.parametrize("scheme", [1, 2])
def test_chunks_that_are_cut_off_or_lie_are_refused(scheme: int) -> None:
    content = bytes(range(101))
    grouped = b"".join(content[place::4] for place in range(4)) if scheme == 2 else content
    packed = pa.compress(grouped, codec="lz4", asbytes=True)
    head = b"\0" + len(packed).to_bytes(3, "little") + bytes([scheme])
    whole = head + (101).to_bytes(3, "little") + packed
    [chunk] = read_chunks(whole + b"XETBLOB and what follows")
    assert chunk_content(whole, chunk) == content
    wrong = head + (200).to_bytes(3, "little") + packed
    with pytest.raises(FormatError):
        chunk_content(wrong, read_chunks(wrong)[0])
    for raw in (whole[:-1], b"", head + b"\xff" * 3 + packed):
        with pytest.raises(FormatError):
            read_chunks(raw)


def test_shards_that_are_cut_off_or_have_no_sha256_are_refused() -> None:
    whole = plain_shard(b"\xaa" * 32, bytes(32), 7)
    assert [file.terms[0].length for file in read_shard(whole)] == [7]
    without = whole.replace(struct.pack("<II", 1 << 30, 1), struct.pack("<II", 0, 1))
    for raw in (whole[:-20], whole[:30], without, whole[:32] + b"\x09" + whole[33:]):
        with pytest.raises(FormatError):
            read_shard(raw)
