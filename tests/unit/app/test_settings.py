from __future__ import annotations

from pathlib import Path

import pytest

from safelight.app.settings import read_settings
from safelight.app.settings.sources import SettingSource
from safelight.core.errors import SettingsError
from support.rows import each_row


def write(folder: Path, text: str) -> Path:
    path = folder / "safelight.toml"
    path.write_text(text)
    return path


def test_paths_in_the_file_are_relative_to_the_file_and_those_on_the_command_line_are_not(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path, 'data = "here"\n[storage]\nkey_dir = "k"\n[audit]\ncheckpoint_dir = "/elsewhere"\n'
    )
    settings = read_settings(path)
    assert settings.data == tmp_path / "here"
    assert settings.storage.key_dir == tmp_path / "k"
    assert settings.audit.checkpoint_dir == Path("/elsewhere")
    assert read_settings(path, data="there").data == Path("there")


@each_row
def test_invalid_settings_are_refused_with_file_field_and_reason(
    tmp_path: Path, text: str, said: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_reported_with_a_remedy_and_all_errors_of_a_file_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path / "none.toml")
    assert "safelight init" in str(caught.value)
    path = write(tmp_path, "[server]\nprot = 1\n[limits]\nretention_days = -1\n")
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert "server.prot" in str(caught.value)
    assert "limits.retention_days" in str(caught.value)
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert read_settings(server={"host": host}).server.loopback, "it needs no TLS"


def test_flags_override_the_environment_which_overrides_the_file_and_the_source_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, '[server]\nport = 1\nmax_body_mb = 7\n[generators.up]\nkind = "storyboard"\n')
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "2")
    chosen = {"generation": {"default_generator": "up"}}
    settings = read_settings(path, **chosen)
    assert (settings.server.port, settings.server.max_body_mb) == (2, 7)
    assert read_settings(path, **chosen, server={"port": 3}).server.port == 3
    assert settings.sources == {
        "server.port": SettingSource.ENVIRONMENT,
        "server.max_body_mb": SettingSource.FILE,
        "generators.up.kind": SettingSource.FILE,
        "generation.default_generator": SettingSource.COMMAND_LINE,
    }
    assert read_settings().sources == {"server.port": SettingSource.ENVIRONMENT}


@each_row
def test_a_problem_of_the_environment_names_its_variable_and_not_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    path = write(tmp_path, "[limits]\nvideos_per_day = 1\n")
    with monkeypatch.context() as environment:
        environment.setenv(variable, value)
        with pytest.raises(SettingsError) as caught:
            read_settings(path)
    assert said in caught.value.message
    assert "safelight.toml" not in caught.value.message


def test_a_problem_of_a_section_names_the_file_and_the_variables_that_set_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "[server]\nport = 1\n")
    monkeypatch.setenv("SAFELIGHT_SERVER__HOST", "0.0.0.0")
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert caught.value.message.startswith(f"{path}, SAFELIGHT_SERVER__HOST: server: refusing")
    monkeypatch.delenv("SAFELIGHT_SERVER__HOST")
    with pytest.raises(SettingsError) as caught:
        read_settings(path, server={"host": "0.0.0.0"})
    assert caught.value.message.startswith("server: refusing")


def test_one_process_has_all_roles_on_sqlite_and_any_of_them_on_postgresql() -> None:
    with pytest.raises(SettingsError, match="on SQLite one process has all roles"):
        read_settings(server={"roles": ["web"]})
    with pytest.raises(SettingsError, match=r"server\.roles"):
        read_settings(server={"roles": ["sweep"]})
    database = {"database": "postgresql://safelight@127.0.0.1/safelight"}
    assert read_settings(server={"roles": ["web"]}, storage=database).server.roles == {"web"}
    assert read_settings().server.roles == {"web", "work", "scan", "notify"}
