"""A bucket of S3, or of whoever speaks its protocol. Source: Amazon S3 API reference, path-style requests."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from services.connectors.errors import Gone, NotStored
from services.connectors.files.spool import PART, Spool

try:
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store
except ImportError as error:  # pragma: no cover - the extra is part of every image
    raise ValueError(
        "LEADWIRE_FILES_URL names S3, which needs an extra: pip install 'leadwire[s3]'"
    ) from error

# What is smaller goes in one request and is whole or not there; what is larger, in parts.
_ONE_REQUEST = 8 * 1024 * 1024
_CONNECT, _REQUEST, _PATIENCE = timedelta(seconds=5), timedelta(seconds=60), timedelta(seconds=30)
_OPTIONS = {"endpoint", "region"}


class Bucket:
    """Files in a bucket: `s3://bucket/folder?endpoint=https://...&region=...`.

    Without a key the environment of the machine decides, as it does for every client of S3.
    """

    def __init__(self, url: str, key: str = "", secret: str = "") -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        if not parts.netloc or options.keys() - _OPTIONS:
            raise ValueError("LEADWIRE_FILES_URL is s3://bucket/folder?endpoint=...&region=..., no more")
        self._folder = parts.path.strip("/")
        endpoint = options.get("endpoint", "")
        given = {"endpoint": endpoint} if endpoint else {}
        if key:
            given |= {"access_key_id": key, "secret_access_key": secret}
        self._store = S3Store(
            parts.netloc,
            region=options.get("region", "us-east-1"),
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": _CONNECT,
                "timeout": _REQUEST,
            },
            retry_config={"max_retries": 3, "retry_timeout": _PATIENCE},
            **given,  # type: ignore[arg-type]
        )

    async def put(self, file_id: UUID, spool: Spool) -> None:
        """Return once the bucket has all of it. Raises NotStored."""
        whole = spool.size <= _ONE_REQUEST
        try:
            await obstore.put_async(
                self._store,
                self._path(file_id),
                b"".join(spool.parts()) if whole else spool.parts(),
                use_multipart=not whole,
                max_concurrency=2,
            )
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def read(self, file_id: UUID) -> AsyncIterator[bytes]:
        """The bytes, part by part. Raises Gone or NotStored."""
        try:
            found = await obstore.get_async(self._store, self._path(file_id))
            async for part in found.stream(min_chunk_size=PART):
                yield bytes(part)
        except FileNotFoundError as error:
            raise Gone("the file is no longer in the bucket") from error
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def erase(self, file_id: UUID) -> None:
        """Leave nothing of it. Raises NotStored."""
        try:
            await obstore.delete_async(self._store, self._path(file_id))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _away(error) from error

    def _path(self, file_id: UUID) -> str:
        return f"{self._folder}/{file_id}" if self._folder else str(file_id)


def _away(error: Exception) -> NotStored:
    return NotStored(f"the bucket of LEADWIRE_FILES_URL failed: {type(error).__name__}")
