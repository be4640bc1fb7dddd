"""Where files are kept: the object store of a real NATS, and a real server of the S3 protocol."""

import os
import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest

from services.connectors.errors import Gone, NotStored
from services.connectors.files.jetstream import STREAM, ObjectStore
from services.connectors.files.places import Place, place_of
from services.connectors.files.spool import Spool
from services.connectors.settings import ConnectorsSettings
from services.runtime.bus import Bus
from tests.support.ports import free_ports
from tests.support.wait import until

LARGE = os.urandom(300_000)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the bucket `files`, for the key `key` and the secret `secretsecret`."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "files").mkdir()
    [port] = free_ports(1)
    server = subprocess.Popen(
        [sys.executable, "-m", "nanio", "serve", "--data-dir", folder, "--port", str(port)],
        env={**os.environ, "NANIO_ACCESS_KEY": "key", "NANIO_SECRET_KEY": "secretsecret"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


def listening(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False


def settings(address: str, secret: str = "secretsecret") -> ConnectorsSettings:
    return ConnectorsSettings(
        files_url=f"s3://files/of/ours?endpoint={address}", files_key="key", files_secret=secret
    )


async def put(place: Place, body: bytes, file_id: UUID | None = None) -> UUID:
    file_id = file_id or uuid4()
    with Spool(len(body)) as spool:
        spool.write(body)
        await place.put(file_id, spool)
    return file_id


async def read(place: Place, file_id: UUID) -> bytes:
    return b"".join([part async for part in place.read(file_id)])


async def keeps_files(place: Place) -> None:
    file_id = await put(place, LARGE)
    assert await read(place, file_id) == LARGE
    await put(place, b"another", file_id)
    assert await read(place, file_id) == b"another"
    empty = await put(place, b"")
    assert await read(place, empty) == b""
    for one in (file_id, empty, empty):
        await place.erase(one)
        with pytest.raises(Gone):
            await read(place, one)


async def test_the_object_store_keeps_files_and_leaves_nothing_behind(bus: Bus) -> None:
    place = ObjectStore(bus)
    await keeps_files(place)
    assert (await bus.js.stream_info(STREAM)).state.messages == 0
    file_id = await put(place, LARGE)
    store = await bus.objects("files")
    assert (await store.get(str(file_id))).data == LARGE  # other tools read it, too
    await bus.js.purge_stream(STREAM, subject=f"$O.files.C.{file_id.hex}")
    with pytest.raises(Gone):
        await read(place, file_id)


async def test_a_bucket_keeps_files(bus: Bus, s3: str) -> None:
    await until(lambda: listening(s3), why="the S3 server")
    place = place_of(settings(s3), bus)
    await keeps_files(place)
    file_id = await put(place, LARGE * 30)  # goes in several parts
    assert await read(place, file_id) == LARGE * 30
    with pytest.raises(NotStored, match="PermissionDenied"):
        await put(place_of(settings(s3, "wrong"), bus), b"x")


@pytest.mark.parametrize("url", ["file:///tmp", "s3:///folder", "s3://files?key=1", "s3://files?endpoint"])
def test_an_address_that_is_no_bucket_is_refused(bus: Bus, url: str) -> None:
    with pytest.raises(ValueError, match=r"files_url|LEADWIRE_FILES_URL|bad query"):
        place_of(ConnectorsSettings(files_url=url), bus)
