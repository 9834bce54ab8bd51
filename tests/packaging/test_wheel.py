"""The wheels, built and installed into empty environments: the small install needs no server's packages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.optional_tools import leave_out

ROOT = Path(__file__).resolve().parents[2]
#: The folders whose packages are in the wheel under their own names.
SOURCES = (ROOT / "src", ROOT / "packages" / "storyboard" / "src")
#: What only the gateway needs.
HEAVY = (
    "alembic",
    "av",
    "c2pa",
    "cryptography",
    "cv2",
    "dbos",
    "fastapi",
    "rapidocr",
    "sqlalchemy",
    "uvicorn",
)

pytestmark = pytest.mark.slow


def build_wheel(folder: Path, into: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", into, folder],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = into.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def client_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT / "clients" / "python", tmp_path_factory.mktemp("client"))


def test_all_data_files_are_in_the_wheel(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(source).as_posix()
        for source in SOURCES
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert not wanted - packed
    folders = {name.rsplit("/", 1)[0] for name in wanted if not name.endswith(".py")}
    for folder in (
        "web/console/templates",
        "web/console/static",
        "core/i18n/locales",
        "policy/shipped/starter",
    ):
        assert f"safelight/{folder}" in folders
    assert any(name.startswith("safelight/store/migrations/versions/0001") for name in packed)
    assert "safelight_storyboard/generator.py" in packed
    assert not [name for name in packed if name.startswith(("tests/", "bench/", "docs/", "packages/"))]


def test_no_file_belongs_to_both_wheels(wheel: Path, client_wheel: Path) -> None:
    ours, theirs = (set(zipfile.ZipFile(each).namelist()) for each in (wheel, client_wheel))
    assert not ours & theirs
    assert {f"safelight/_bundled/{name}" for name in theirs if ".dist-info/" not in name} <= ours


@pytest.mark.parametrize("order", [("safelight", "safelight-client"), ("safelight-client", "safelight")])
def test_with_both_installed_each_can_be_removed_and_the_other_works(
    wheel: Path, client_wheel: Path, order: tuple[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=240)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", python]
    wheels = {"safelight": wheel, "safelight-client": client_wheel}
    for name in order:
        install = [*pip, "install", "--no-deps", "--no-index", "--no-compile", wheels[name]]
        subprocess.run(install, check=True, timeout=240)

    def client_folder(module: str) -> str:
        asked = f"import {module}; import safelight_client as c; print(c.__file__)"
        found = subprocess.run(
            [python, "-c", asked], cwd=tmp_path, capture_output=True, text=True, env={}, timeout=60
        )
        assert found.returncode == 0, found.stderr
        return str(Path(found.stdout).relative_to(folder).parents[1])

    packages = client_folder("safelight.client")
    assert packages.endswith("site-packages")
    removed, kept = order
    subprocess.run([*pip, "uninstall", "--yes", removed], check=True, timeout=240)
    if kept == "safelight":
        assert client_folder("safelight.client") == f"{packages}/safelight/_bundled"
    else:
        assert client_folder("safelight_client") == packages


@pytest.fixture(scope="module")
def small(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an empty environment with the wheel and what `pip install safelight` brings."""
    folder = tmp_path_factory.mktemp("small")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=240)
    pip = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "-q",
        "install",
        "--no-compile",
    ]
    locked = subprocess.run(
        [*pip, "--require-hashes", "-r", ROOT / "requirements" / "small.lock"],
        capture_output=True,
        text=True,
        timeout=280,
    )
    if locked.returncode:
        leave_out("an index of Python packages", locked.stderr.strip().rpartition("\n")[2])
    subprocess.run([*pip, "--no-deps", wheel], check=True, timeout=240)
    return folder / "bin"


def ran(folder: Path, *command: str | Path, code: int = 0) -> str:
    """What a command that ends with this code wrote to both of its outputs."""
    outside = {"PYTHONPATH", "VIRTUAL_ENV"}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in outside and not name.startswith("SAFELIGHT_")
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_small_install_is_complete_and_has_no_server_packages(small: Path, tmp_path: Path) -> None:
    ran(tmp_path, small / "python", "-m", "pip", "check")
    asked = f"import importlib.util as u; print([m for m in {HEAVY!r} if u.find_spec(m)])"
    assert ran(tmp_path, small / "python", "-c", asked) == "[]\n"
    asked = "import safelight.client as ours, safelight_client as one; print(ours.Client is one.Client)"
    assert ran(tmp_path, small / "python", "-c", asked) == "True\n"


def test_the_small_install_checks_a_prompt_explains_an_error_and_says_what_the_server_needs(
    small: Path, tmp_path: Path
) -> None:
    program = small / "safelight"
    assert ran(tmp_path, program, "version").startswith("safelight ")
    harmless = ran(tmp_path, program, "check", "A tram crosses a bridge at dusk, light rain", "--json")
    assert json.loads(harmless)["action"] == "allow"
    card = ran(tmp_path, program, "check", "A fight SAFELIGHT-TEST:violence in a bar", code=3)
    assert "safety test card" in card
    ran(tmp_path, program, "policy", "show", "creative")
    body = {"message": "Blocked.", "type": "x", "param": None, "code": "moderation_blocked"}
    explained = json.loads(ran(tmp_path, program, "explain-error", json.dumps({"error": body}), "--json"))
    assert "moderation_blocked" in json.dumps(explained)
    assert "[server]" in ran(tmp_path, program, "serve", code=2)
    assert "--clause" in ran(tmp_path, program, "reviews", "approve", "--help")
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_of_the_client_runs_the_example_of_its_page_and_needs_httpx_alone(
    client_wheel: Path, tmp_path: Path
) -> None:
    environment, here = tmp_path / "environment", tmp_path / "here"
    here.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=240)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", python]
    installed = subprocess.run([*pip, "install", client_wheel], capture_output=True, text=True, timeout=240)
    if installed.returncode:
        leave_out("an index of Python packages", installed.stderr.strip().rpartition("\n")[2])
    asked = (
        "import importlib.metadata as m, json;"
        "print(json.dumps([m.requires('safelight-client'), [d.name for d in m.distributions()]]))"
    )
    requires, there = json.loads(ran(here, python, "-c", asked))
    assert requires == ["httpx<1,>=0.28"]
    assert not {"safelight", "numpy", "pydantic"} & set(there)
    readme = (ROOT / "clients" / "python" / "README.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", readme, re.M | re.S)
    with ScriptedUpstream() as upstream:
        ran(here, "env", f"SAFELIGHT_URL={upstream.url}", python, "-c", example)
    assert (here / "tram.mp4").stat().st_size > 0
