from __future__ import annotations

from pathlib import Path

import pytest

from safelight.errors import SettingsError
from safelight.renamed_keys import SETTINGS
from safelight.settings import read_settings
from safelight.settings.sources import SettingSource


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


def test_flags_override_the_environment_which_overrides_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "[server]\nport = 1\nmax_body_mb = 7\n")
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "2")
    assert read_settings(path).server.port == 2
    assert read_settings(path, server={"port": 3}).server.port == 3
    assert read_settings(path).server.max_body_mb == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nhost = '0.0.0.0'\n", "refusing to listen on 0.0.0.0 without TLS"),
        ("[server]\nprot = 1\n", "server.prot: unknown setting"),
        ("[server]\nport = 'x'\n", "server.port"),
        ("[generation]\ndefault_generator = 'veo'\n", "generation.default_generator is 'veo'"),
        ("[generators.a]\nurl = 'x'\n", "generators.a needs a `kind`"),
        ("[tracing]\nendpoint = 'localhost:4318'\n", "'localhost:4318' is not the address of a collector"),
        ("[tracing]\nendpoint = 'http://me:key@otel.example'\n", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("[advice.rewriter]\nurl = 'ftp://a.example'\n", "is not the address of an endpoint"),
        ("[advice.rewriter]\nurl = 'http://me:key@a.example'\n", "name it in `api_key_env`"),
        ("[openid]\nissuer = 'https://login.example?tenant=a'\n", "is not an issuer"),
        ("[openid]\nissuer = 'https://me:key@login.example'\n", "an issuer contains no credentials"),
        ("[openid]\nissuer = 'http://login.example'\n", "use https"),
        ("port == 1\n", "not valid TOML"),
        ("[policy]\ncontext = ['press', 1]\n", ": policy.context.1: Input should be a valid string"),
        ("[detectors]\nenabled = [1, 2]\n", ": detectors.enabled: Input should be a valid boolean"),
        ("[mail]\nhost = 'smtp.example.com'\n", "set mail.sender"),
        ("[mail]\nhost = 'a.example'\nsender = 's@a.example'\n", "set server.public_url"),
        ("[mail]\nhost = 'a.example'\nsender = 's@a.example'\nuser = 'ada'\n", "set both mail.user and"),
        ("[mail]\nhost = 'a.example'\nsender = 's@a.example'\nsecurity = 'none'\n", "on this machine"),
        ("[sealing]\nkey = 'k.pem'\n", "set both `key` and `chain`"),
        ("[server]\ntls_key = 'k.pem'\n", "set both `tls_certificate`"),
    ],
)
def test_invalid_settings_are_refused_with_file_field_and_reason(
    tmp_path: Path, text: str, said: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_all_errors_are_reported_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "[server]\nprot = 1\n[limits]\nretention_days = -1\n")
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert "server.prot" in str(caught.value)
    assert "limits.retention_days" in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_no_tls(host: str) -> None:
    assert read_settings(server={"host": host}).server.loopback


def test_a_missing_file_is_reported_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path / "none.toml")
    assert "safelight init" in str(caught.value)


def test_an_old_file_is_refused_in_one_error_with_the_new_name_of_each_key(tmp_path: Path) -> None:
    old_names = {new: old for old, new in SETTINGS.items()}
    expected = {}
    for old, new in SETTINGS.items():
        section, name, *rest = old.replace("*", "mine").split(".")
        parent = old_names.get(f"{section}.{name}", f"{section}.{name}")
        expected[".".join([parent, *rest])] = new.replace("*", "mine")
    leaves = [old for old in expected if not any(other.startswith(f"{old}.") for other in expected)]
    path = write(tmp_path, "".join(f"{old} = 1\n" for old in leaves))
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    message = str(caught.value)
    for old, new in expected.items():
        assert f"{path}: {old}: is now called {new}." in message.splitlines()
    assert len(message.splitlines()) == len(expected)


def test_an_old_name_in_the_environment_is_refused_with_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_LIMITS__KEEP_DAYS", "3")
    with pytest.raises(SettingsError, match=r"limits\.keep_days: is now called limits\.retention_days\."):
        read_settings()


def test_the_source_of_each_value_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, '[server]\nport = 1\nmax_body_mb = 7\n[generators.up]\nkind = "storyboard"\n')
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "2")
    sources = read_settings(path, generation={"default_generator": "up"}).sources
    assert sources == {
        "server.port": SettingSource.ENVIRONMENT,
        "server.max_body_mb": SettingSource.FILE,
        "generators.up.kind": SettingSource.FILE,
        "generation.default_generator": SettingSource.COMMAND_LINE,
    }
    assert read_settings().sources == {"server.port": SettingSource.ENVIRONMENT}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SAFELIGHT_REVIEW__DUE_MINUTES", "-1", "SAFELIGHT_REVIEW__DUE_MINUTES: review.due_minutes: Input"),
        (
            "SAFELIGHT_SERVER__HOST",
            "0.0.0.0",
            "SAFELIGHT_SERVER__HOST: server: refusing to listen on 0.0.0.0",
        ),
        ("SAFELIGHT_SERVER__PORT", "70000", "SAFELIGHT_SERVER__PORT: server.port: Input"),
        ("SAFELIGHT_POLICY", "strict", "SAFELIGHT_POLICY: not valid JSON: Expecting value"),
        ("SAFELIGHT_GENERATORS", "{", "SAFELIGHT_GENERATORS: not valid JSON: Expecting property"),
        ("SAFELIGHT_LIMITS", '{"retention_days": -1}', "SAFELIGHT_LIMITS: limits.retention_days: Input"),
    ],
)
def test_a_problem_of_the_environment_names_its_variable_and_not_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    path = write(tmp_path, "[limits]\nvideos_per_day = 1\n")
    monkeypatch.setenv(variable, value)
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
