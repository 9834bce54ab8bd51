"""How this copy of Safelight was installed, where its packages are, and the command that adds further ones.

Safelight is on no public index: a name there would be what a stranger publishes under it.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

NAME = "safelight"


def install_command(extra: str) -> str:
    """The command that installs the packages of an extra, from where this copy came.

    If that place is not known or does not exist any more: from a clone, where the command has to be run.
    """
    return _command(extra, _read_origin())


def find_package_folder(name: str) -> Path | None:
    """The folder of an installed package, which is not imported; None if it is not installed."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _command(extra: str, origin: str | None) -> str:
    found = _parse(json.loads(origin)) if origin else None
    option, place = found or ("", ".")
    wanted = f"{NAME}[{extra}] @ {place}" if "://" in place else f"{place}[{extra}]"
    where = "" if found else " in a clone of its repository"
    return f"{_installer()} {option}{shlex.quote(wanted)}{where}"


def _installer() -> str:
    """The start of a command that installs into the environment of this process, whatever `pip` the shell
    finds. An environment made by uv has no pip.
    """
    python = Path(sys.executable)
    if find_spec("pip") is None and shutil.which("uv"):
        return f"uv pip install --python {shlex.quote(str(python))}"
    if (pip := shutil.which("pip")) and Path(pip).parent == python.parent:
        return "pip install"
    return f"{shlex.quote(str(python))} -m pip install"


def _parse(origin: dict[str, object]) -> tuple[str, str] | None:
    """The option for pip and the folder, file or address of a record of PEP 610; None if it is gone."""
    url, folder = str(origin.get("url", "")), origin.get("dir_info")
    if not url.startswith("file:"):
        vcs = origin.get("vcs_info")
        if not isinstance(vcs, dict):
            return ("", url) if url else None
        return "", f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    path = Path(unquote(urlsplit(url).path))
    if not path.exists():
        return None
    is_editable = isinstance(folder, dict) and bool(folder.get("editable"))
    return "-e " if is_editable else "", str(path)


@cache
def _read_origin() -> str | None:
    try:
        return distribution(NAME).read_text("direct_url.json")
    except (PackageNotFoundError, OSError):
        return None
