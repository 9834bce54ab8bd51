from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer

from safelight import __version__
from safelight.cli import commands, main
from safelight.cli.output import Exit, emit
from safelight.core.errors import NotFound, PolicyError, SafelightError, SettingsError, StorageFull
from support.commands import Run, Say
from support.rows import each_row


def command_that(raises: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()

    @app.command()
    def version(as_json: bool = typer.Option(False, "--json")) -> None:
        raise raises

    monkeypatch.setattr("safelight.cli.version.app", app)


def test_help_names_every_command_without_importing_one(tmp_path: object) -> None:
    modules = [name.replace("-", "_") for name in commands.COMMANDS if name != "version"]
    script = (
        "import sys\nfrom safelight.cli import main\n"
        "code = main(['--help'])\n"
        "bad = {'av', 'cv2', 'c2pa', 'onnxruntime', 'sqlalchemy', 'dbos', 'fastapi', 'numpy', 'httpx'}\n"
        f"bad |= {{'safelight.cli.' + name for name in {modules!r}}}\n"
        "loaded = sorted(bad & set(sys.modules))\n"
        "assert not loaded, loaded\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in commands.COMMANDS:
        assert name in done.stdout


@each_row
def test_help_lists_each_command_in_one_of_four_groups(
    tag: str, titles: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--lang", tag, "--help"]) == Exit.OK
    rest = capsys.readouterr().out
    for title, names in zip(titles, commands.GROUPS.values(), strict=True):
        rest = rest.partition(f"\n{title}:\n")[2]
        listed = [line.split()[0] for line in rest.partition("\n\n")[0].splitlines()]
        assert listed == list(names)


def test_wrong_usage_gets_a_suggestion_and_with_json_is_one_json_document(run: Run, say: Say) -> None:
    assert "Did you mean 'verify'" in say("verfy", code=Exit.CONFIGURATION).err
    error = run("version", "--nope", code=Exit.CONFIGURATION)["error"]
    assert error["code"] == "configuration_error"


@pytest.mark.parametrize(
    ("error", "code", "wire"),
    [
        (SettingsError("The port is wrong.", remedy="Set 1 to 65535."), 2, "configuration_error"),
        (NotFound("There is no such key."), 1, "not_found"),
        (StorageFull("The disk is full.", remedy="Make room."), 1, "storage_full"),
        (PolicyError("The policy does not hold.", problems=("a.yaml:3: no such category",)), 2, None),
    ],
)
def test_a_safelight_error_is_printed_with_its_remedy(
    error: SafelightError, code: int, wire: str | None, monkeypatch: pytest.MonkeyPatch, run: Run, say: Say
) -> None:
    command_that(error, monkeypatch)
    said = say("version", code=code)
    assert said.out == ""
    assert error.message in said.err
    assert (error.remedy or "") in said.err
    assert "Traceback" not in said.err
    for problem in getattr(error, "problems", ()):
        assert problem in said.err

    body = run("version", code=code)["error"]
    assert body["message"] == error.message
    assert wire in (None, body["code"])


def test_an_unexpected_error_shows_its_location_and_is_valid_json(
    monkeypatch: pytest.MonkeyPatch, say: Say
) -> None:
    command_that(ZeroDivisionError("oh"), monkeypatch)
    said = say("version", "--json", code=Exit.ERROR)
    assert "Traceback" in said.err
    assert json.loads(said.out)["error"]["code"] == "internal_error"
    command_that(KeyboardInterrupt(), monkeypatch)
    say("version", code=130)
    command_that(ModuleNotFoundError("No module named 'fastapi'", name="fastapi"), monkeypatch)
    assert "[server]" in say("version", code=Exit.CONFIGURATION).err


def test_a_closed_pipe_is_not_an_error() -> None:
    done = subprocess.run(
        [
            "sh",
            "-c",
            f"'{sys.executable}' -c 'import sys, time; from safelight.cli import main; time.sleep(0.3); "
            'sys.exit(main(["version", "--json"]))\' | true',
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_the_version_command_and_flag_print_the_same_and_text_is_printed_unchanged(
    run: Run, say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __version__ in say("--version").out
    assert run("version")["version"] == __version__
    emit({}, False, "[red]not markup[/red] 100 %\n")
    assert capsys.readouterr().out == "[red]not markup[/red] 100 %\n"
