from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from safelight.provenance.seal import FINGERPRINT_ALGORITHM, WATERMARK_ALGORITHM
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
    Path("safelight-roots.pem").write_text(sealer._keys.create_anchors_pem(), encoding="utf-8")
    exec(compile(example, str(PAGE), "exec"), {})
    assert capsys.readouterr().out.startswith("Trusted\n")


def test_the_entries_for_the_list_of_soft_bindings_have_our_names_and_the_fields_of_the_list() -> None:
    entries = json.loads((PAGE.parent / "soft-binding-algorithms.json").read_text(encoding="utf-8"))
    assert {entry["alg"]: entry["type"] for entry in entries} == {
        WATERMARK_ALGORITHM: "watermark",
        FINGERPRINT_ALGORITHM: "fingerprint",
    }
    for entry in entries:
        assert set(entry) == {
            "identifier",
            "alg",
            "type",
            "decodedMediaTypes",
            "entryMetadata",
            "softBindingResolutionApis",
        }
        assert set(entry["entryMetadata"]) == {"description", "dateEntered", "contact", "informationalUrl"}
