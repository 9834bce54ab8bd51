from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from safelight.provenance.sealing import Sealer

from .conftest import FactsMaker

PAGE = Path(__file__).parents[3] / "docs" / "provenance.md"


def test_the_documented_c2pa_python_code_works_as_printed(
    sealer: Sealer,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    shutil.copy(video, "plain.mp4")
    sealer.seal(Path("plain.mp4"), Path("video.mp4"), facts())
    Path("safelight-roots.pem").write_text(sealer.trust_anchor_pem, encoding="utf-8")
    exec(compile(example, str(PAGE), "exec"), {})
    assert capsys.readouterr().out.startswith("Trusted\n")


def test_the_page_documents_every_field_of_the_verdict() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for part in (
        "c2pa.created",
        "c2pa.addedText",
        "safelight.verdict",
        "c2pa.soft-binding",
        "algorithmicMedia",
    ):
        assert part in text
