"""The wheel, built and installed into an empty environment: the small install needs no server's packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
    for folder in ("console/templates", "console/static", "i18n/locales", "policy/shipped/starter"):
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


def ran(small: Path, here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outside = {"PYTHONPATH", "VIRTUAL_ENV"}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in outside and not name.startswith("SAFELIGHT_")
    }
    return subprocess.run(
        [small / "safelight", *arguments],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_small_install_is_complete_and_has_no_server_packages(small: Path, tmp_path: Path) -> None:
    asked = f"import importlib.util as u; print([m for m in {HEAVY!r} if u.find_spec(m)])"
    for arguments in (["-m", "pip", "check"], ["-c", asked]):
        done = subprocess.run(
            [small / "python", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "[]"


def test_the_small_install_prints_its_version(small: Path, tmp_path: Path) -> None:
    done = ran(small, tmp_path, "version")
    assert done.stdout.startswith("safelight ")


def test_the_small_install_has_the_client(small: Path, tmp_path: Path) -> None:
    asked = (
        "import safelight.client, safelight_client; print(safelight.client.Client is safelight_client.Client)"
    )
    done = subprocess.run(
        [small / "python", "-c", asked], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "True", done.stderr


def test_the_small_install_checks_a_prompt(small: Path, tmp_path: Path) -> None:
    harmless = ran(small, tmp_path, "check", "A tram crosses a bridge at dusk, light rain", "--json")
    assert (harmless.returncode, json.loads(harmless.stdout)["action"]) == (0, "allow"), harmless.stderr
    card = ran(small, tmp_path, "check", "A fight SAFELIGHT-TEST:violence in a bar")
    assert card.returncode == 3
    assert "SAFELIGHT-TEST:violence" in card.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_small_install_reads_policies(small: Path, tmp_path: Path) -> None:
    for policy in ("starter", "strict", "creative"):
        done = ran(small, tmp_path, "policy", "show", policy)
        assert done.returncode == 0, done.stderr


def test_the_small_install_reports_what_server_commands_need(small: Path, tmp_path: Path) -> None:
    done = ran(small, tmp_path, "serve")
    assert done.returncode == 2
    assert "[server]" in done.stderr


def test_the_small_install_explains_an_error(small: Path, tmp_path: Path) -> None:
    body = '{"error": {"message": "Your request was blocked by our moderation system.", "type": "x", '
    body += '"param": null, "code": "moderation_blocked"}}'
    done = ran(small, tmp_path, "explain-error", body, "--json")
    assert done.stdout.startswith("{"), done.stderr
    assert "moderation_blocked" in done.stdout
