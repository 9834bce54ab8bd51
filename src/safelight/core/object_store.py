"""Opens object stores by URL: a folder, memory, or an S3 bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from .disk import as_storage_full
from .errors import NotFound, SettingsError, StorageFull, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore


def open_object_store(url: str, options: Mapping[str, Any]) -> tuple[Path | None, ObjectStore]:
    """The object store at a URL, and its folder if it is one.

    A missing folder is created; a bucket must exist.
    """
    from obstore.store import LocalStore, MemoryStore, S3Store

    parts = urlsplit(url)
    if parts.scheme == "memory":
        return None, MemoryStore()
    if parts.scheme == "file" and parts.path:
        folder = Path(unquote(parts.path))
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"The folder {folder} cannot be created: {error.strerror}.") from error
        return folder, LocalStore(prefix=folder)
    if parts.scheme == "s3" and parts.netloc:
        limits: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=4)}
        allow_http = str(options.get("endpoint", "")).startswith("http://")
        client: Any = {"timeout": "120s", "connect_timeout": "3s", "allow_http": allow_http}
        try:
            return None, S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                retry_config=limits,
                client_options=client,
                **options,
            )
        except Exception as error:
            raise SettingsError(f"The store {url} cannot be opened: {error}") from error
    raise SettingsError(
        f"Object stores of the kind {url!r} are not supported.",
        remedy="Write file:///path, memory:// or s3://bucket/prefix.",
    )


@contextmanager
def translate_store_errors(*, writing: bool = False) -> Iterator[None]:
    """Translate errors of the object store.

    With `writing`, a missing object means that the bucket is missing.
    """
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        if writing:
            raise Unavailable(
                "The bucket or folder of the object store does not exist.",
                remedy="Create it, or set another one in the settings.",
            ) from error
        raise NotFound("There is no such file.") from error
    except BaseError as error:
        message = str(error)
        if any(text in message for text in ("os error 28", "os error 122", "os error 27", "EntityTooLarge")):
            raise StorageFull("The object store has not enough space for the file.") from error
        raise Unavailable("The object store returned an error.", retry_after_s=5.0) from error
    except OSError as error:
        raise as_storage_full(error) or error from error
