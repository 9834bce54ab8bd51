"""An operator measures the guard model; from then on coverage carries the figures and their date."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.cli.exit_codes import Exit

ROWS = [
    ("two people, plainlyso", "unsafe", ["sexual"]),
    ("two people, hardly so", "unsafe", ["sexual"]),
    ("somebody is told off, plainlyso", "unsafe", ["of somebody else"]),
    ("a waterfall in autumn", "safe", []),
    ("a baker, plainlyso", "safe", []),
    ("a cat, mumbled", "safe", []),
]


class Guard(BaseHTTPRequestHandler):
    """The part of Llama Guard that this test needs."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"])).decode()
        said = "unsafe\nS12" if "plainlyso" in asked else "mumble" if "mumbled" in asked else "safe"
        body = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safelight.toml").write_text(
        f"""
data = "{tmp_path / "data"}"
[detectors]
minilm = false
[detectors.text-guard]
url = "http://127.0.0.1:{server.server_port}/v1"
model = "Llama-Guard-3-8B"
format = "llama-guard"
"""
    )
    (tmp_path / "mine.jsonl").write_text(
        "".join(
            json.dumps({"text": text, "label": label, "categories": categories, "lang": "en"}) + "\n"
            for text, label, categories in ROWS
        )
    )
    yield tmp_path
    server.shutdown()
    server.server_close()
    thread.join()


def measured() -> dict[str, str | None]:
    """The measured figure per category in the coverage of the guard."""
    (guard,) = [one for one in load(None).core.text_pipeline.detectors if one.name == "text-guard"]
    return {one.category: one.measured for one in guard.capabilities}


def test_figures_are_stored_with_date_and_number_of_gaps(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "guard", "--data", "mine.jsonl", "--json"]) == Exit.OK
    said = json.loads(capsys.readouterr().out)
    assert said["categories"] == {"sexual": {"found": 1, "n": 2}}
    assert said["harmless"] == {"found": 1, "n": 2}
    assert said["unanswered"] == 1
    kept = json.loads((folder / "data" / "measurements" / "text-guard.json").read_text())
    assert kept["date"] == said["date"]


def test_a_guard_is_measured_only_for_evaluated_categories_and_model(
    folder: Path,
) -> None:
    assert set(measured().values()) == {None}
    main(["eval", "guard", "--data", "mine.jsonl"])
    after = measured()
    assert "1 of 2 (50.0 %) found" in (after["sexual"] or "")
    assert after["hate"] is None
    settings = folder / "safelight.toml"
    settings.write_text(settings.read_text().replace("Llama-Guard-3-8B", "Llama-Guard-4-12B"))
    assert set(measured().values()) == {None}


def test_without_a_guard_the_message_explains_how_to_configure_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "safelight.toml").write_text("[detectors]\nminilm = false\n")
    assert main(["eval", "guard", "--data", "mine.jsonl"]) == Exit.CONFIGURATION
    assert "format" in capsys.readouterr().err
