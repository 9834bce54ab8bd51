"""The code blocks of the pages about the client run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.templates.documents import read_document
from safelight.videos.templates.rendering import render
from safelight_client.batch import read_rows
from safelight_client.batch.template_rows import template_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / "clients.md", ROOT / "clients" / "python" / "README.md"]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(_BLOCK.findall(page.read_text("utf-8")))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_the_pages_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ScriptedUpstream({"api_key": "sk-x", "otherwise": {"polls": 0}}) as upstream:
        monkeypatch.setenv("SAFELIGHT_URL", upstream.url)
        monkeypatch.setenv("SAFELIGHT_API_KEY", "sk-x")
        exec(compile(block, "page", "exec"), {"__name__": "__main__"})
    assert (tmp_path / "tram.mp4").stat().st_size > 0


def test_the_block_about_batches_runs_on_the_file_of_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "batches.md").read_text("utf-8")
    (block,) = _BLOCK.findall(page)
    rows, _ = re.findall(r"^```csv\n(.*?)^```$", page, re.M | re.S)
    (tmp_path / "shots.csv").write_text(rows, "utf-8")
    monkeypatch.chdir(tmp_path)
    with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
        monkeypatch.setenv("SAFELIGHT_URL", upstream.url)
        monkeypatch.setenv("SAFELIGHT_API_KEY", "sk-x")
        exec(compile(block, "page", "exec"), {"__name__": "__main__"})
    videos = sorted(path.name for path in (tmp_path / "shots.batch" / "videos").iterdir())
    assert videos == ["00001-tram.mp4", "00002-kite.mp4"]


def test_the_rows_with_a_template_fit_the_example_that_they_name(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "batches.md").read_text("utf-8")
    _, rows = re.findall(r"^```csv\n(.*?)^```$", page, re.M | re.S)
    (tmp_path / "shots.csv").write_text(rows, "utf-8")
    (row,) = read_rows(tmp_path / "shots.csv").rows
    named = template_of(row.fields)
    assert named is not None
    source = (ROOT / "examples" / "templates" / f"{named['name']}.yaml").read_text("utf-8")
    assert "mountain lake at sunrise" in render(read_document(source), named["values"])


def test_the_block_for_the_openai_sdk_runs_with_both_versions(openai_python: Path, tmp_path: Path) -> None:
    (block,) = re.findall(r"^```python openai\n(.*?)^```$", PAGES[0].read_text("utf-8"), re.M | re.S)
    with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
        environment = {
            **os.environ,
            "SAFELIGHT_URL": upstream.url,
            "SAFELIGHT_API_KEY": "sk-x",
            "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        }
        done = subprocess.run(
            [openai_python, "-W", "ignore", "-c", block],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stdout) == (0, "completed None\n"), done.stderr
