"""Hints name a way to install that works from here, and no name on a public index, where nothing is ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.cli.doctor_checks import OPTIONAL_DETECTORS
from safelight.core import installation
from safelight.core.installation import install_command
from support.rows import each_row

ROOT = Path(__file__).resolve().parents[2]
#: An installer or runner that asks a public index for one of our names. A path, a file, a local image and an
#: address after `@` are none.
PUBLIC_NAME = re.compile(
    r"\b(?:pip3?|pipx|uv|uvx|npm|npx|pnpm|yarn|bun|conda|brew|docker (?:pull|run))\b[^\n`|;&#]*?"
    r"(?<![\w./@-])@?safelight(?:[_-]client)?(?:\[[\w,]+\])?(?![\w./:-]|\[| @)"
)


def texts() -> Iterator[Path]:
    for folder in ("src", "packages", "docs", "clients", "examples", "deploy"):
        for path in sorted((ROOT / folder).rglob("*")):
            is_text = path.suffix in {".py", ".md", ".yaml", ".toml", ".ts", ".html", ".sh", ".json"}
            if is_text and not {"node_modules", "__pycache__", "dist"} & set(path.parts):
                yield path
    yield from sorted(ROOT.glob("README*.md"))


@each_row
def test_the_pattern_finds_names_on_an_index_and_no_paths(text: str, names: bool) -> None:
    assert bool(PUBLIC_NAME.search(text)) is names


def test_no_text_names_a_package_on_a_public_index_as_ours() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in texts()
        for match in PUBLIC_NAME.finditer(path.read_text("utf-8"))
    ]
    assert found == []


def test_the_command_installs_from_where_this_copy_came(tmp_path: Path) -> None:
    wheel = tmp_path / "safelight-1.0-py3-none-any.whl"
    wheel.touch()

    def command(origin: dict[str, object] | None) -> str:
        made = installation._command("nudity", json.dumps(origin) if origin is not None else None)
        return made.partition(" install ")[2]

    folder = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    assert command(folder) == f"-e '{tmp_path}[nudity]'"
    assert command({**folder, "dir_info": {}}) == f"'{tmp_path}[nudity]'"
    assert command({"url": wheel.as_uri(), "archive_info": {}}) == f"'{wheel}[nudity]'"
    clone = "'.[nudity]' in a clone of its repository"
    assert command({"url": (tmp_path / "gone").as_uri(), "dir_info": {}}) == clone
    assert command(None) == clone
    address = "https://git.example.com/safelight.git"
    vcs = {"url": address, "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    assert command(vcs) == f"'safelight[nudity] @ git+{address}@abc'"


def test_a_hint_names_the_place_of_this_copy() -> None:
    assert install_command("nudity") in OPTIONAL_DETECTORS["nudenet"][1]
    assert "'safelight[nudity]'" not in install_command("nudity")


def test_the_command_installs_into_the_environment_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("python", "pip", "other/pip", "other/uv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch(mode=0o755)
    python, other = tmp_path / "python", str(tmp_path / "other")
    monkeypatch.setattr("sys.executable", str(python))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install_command("nudity").startswith("pip install ")
    monkeypatch.setenv("PATH", other)
    assert install_command("nudity").startswith(f"{python} -m pip install ")
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    assert install_command("nudity").startswith(f"uv pip install --python {python} ")
