"""The files under deploy/ hold together: what they name exists, here and in them. None of them is run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from safelight.app.settings import Settings, read_settings
from safelight.app.settings.models import ROLES
from safelight.cli.commands import build_command
from safelight.providers.videos_api.options import read_options
from support.optional_tools import leave_out

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = sorted(DEPLOY.glob("*/compose.yaml"))
UNITS = sorted(DEPLOY.glob("*/*.service"))
READMES = sorted(DEPLOY.rglob("README.md"))
OURS = "safelight:local"
#: Read by commands themselves; not part of the settings.
VARIABLES = {"SAFELIGHT_UPSTREAM_KEY", "SAFELIGHT_CONFIG"}
SERVICE_KEYS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "deploy",
    "entrypoint",
    "environment",
    "healthcheck",
    "image",
    "networks",
    "ports",
    "profiles",
    "read_only",
    "restart",
    "security_opt",
    "shm_size",
    "stop_grace_period",
    "tmpfs",
    "volumes",
}

each_compose = pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.parent.name)


def name(path: Path) -> str:
    return path.relative_to(DEPLOY).as_posix()


def loaded(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def services(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = loaded(path)["services"]
    return found


def filled(text: str) -> str:
    """Compose's variables replaced, as if secrets.env had them."""
    return re.sub(r"\$\{(\w+)(?::?[-?]([^}]*))?\}", lambda found: f"some-{found[1].lower()}", text)


def parse(words: list[str]) -> None:
    """Parse the words after `safelight` as the real command line would."""
    while words and words[0] == "--config":
        words = words[2:]
    current: Any = build_command()
    context = None
    while getattr(current, "commands", None) and words and not words[0].startswith("-"):
        context = current.make_context(current.name or "safelight", list(words), parent=context)
        _, current, words = current.resolve_command(context, list(words))
    assert not getattr(current, "commands", None), "not a command"
    current.make_context(current.name, list(words), parent=context)


def test_the_compose_files_and_units_are_present() -> None:
    assert {path.parent.name for path in COMPOSE} == {"litellm", "postgres-s3", "vllm-omni"}
    assert len(UNITS) == 4


@pytest.mark.parametrize("path", READMES, ids=name)
def test_a_page_states_that_it_was_not_run_and_its_links_and_commands_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "**Linted here, not run here" in text
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("http") or (path.parent / target).exists(), target
    lines = re.findall(r"^\$ .*?\bsafelight (?:safelight )?((?:--config|[a-z]+)\b.*)$", text, re.M)
    lines += re.findall(r"^\$ .*safelight:local (\w.*)$", text, re.M)
    lines += re.findall(r"`safelight ((?:[^`]|\n)+)`", text)
    known = build_command().commands
    for line in lines:
        words = shlex.split(line.replace("\n", " "))
        if words[0] in known:
            parse(words)


@each_compose
def test_a_compose_file_defines_every_name_it_uses(path: Path) -> None:
    document = loaded(path)
    assert {key for key in document if not key.startswith("x-")} == {
        "name",
        "services",
        "networks",
        "volumes",
    }
    for service, table in services(path).items():
        assert not table.keys() - SERVICE_KEYS, service
        assert table.get("image"), service
        assert set(table["networks"]) <= document["networks"].keys(), service
        assert set(table.get("depends_on", {})) <= document["services"].keys(), service
        for volume in table.get("volumes", ()):
            source, _, target = volume.partition(":")
            assert target.startswith("/"), volume
            if source.startswith("."):
                assert (path.parent / source).exists(), volume
            else:
                assert source in document["volumes"], volume
        if build := table.get("build"):
            context = (path.parent / build["context"]).resolve()
            assert context == ROOT
            assert (context / build["dockerfile"]).is_file()


@each_compose
def test_images_have_a_version_and_only_safelight_and_its_proxy_can_be_reached(path: Path) -> None:
    networks = loaded(path)["networks"]
    for service, table in services(path).items():
        image, _, tag = table["image"].rpartition(":")
        assert image, service
        assert tag not in ("", "latest"), service
        if table["image"] == OURS or service == "proxy":
            continue
        assert "ports" not in table, service
        if "--port" in table.get("command", ()) and service != "litellm":
            # Generators and guards are on an internal network without outside access.
            assert all((networks[one] or {}).get("internal") for one in table["networks"]), service


@each_compose
def test_our_containers_can_write_only_their_data(path: Path) -> None:
    ours = [table for table in services(path).values() if table["image"] == OURS]
    assert ours
    for table in ours:
        assert table["read_only"] is True
        assert table["cap_drop"] == ["ALL"]
        assert table["security_opt"] == ["no-new-privileges:true"]
        for port in table.get("ports", ()):
            assert port.startswith("127.0.0.1:")


@each_compose
def test_settings_and_commands_of_our_containers_exist(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in services(path).values():
        if table["image"] != OURS:
            continue
        parse(list(table["command"]))
        environment = {key: filled(str(value)) for key, value in table["environment"].items()}
        for key in environment:
            section, _, field = key.removeprefix("SAFELIGHT_").lower().partition("__")
            if key in VARIABLES:
                continue
            assert section in Settings.model_fields, key
            kind = Settings.model_fields[section].annotation
            assert not field or field in getattr(kind, "model_fields", {}), key
        with monkeypatch.context() as patch:
            for key, value in environment.items():
                patch.setenv(key, value)
            patch.chdir(tmp_path)
            settings = read_settings()
        assert settings.server.behind_proxy


def test_two_gateways_share_only_keys_and_checkpoints() -> None:
    found = services(DEPLOY / "postgres-s3" / "compose.yaml")
    one, two = found["gateway-1"], found["gateway-2"]
    differing = {key for key in one["environment"] if one["environment"][key] != two["environment"][key]}
    assert differing == {"SAFELIGHT_WORKER__NAME"}
    assert set(one["volumes"]) & set(two["volumes"]) == {"keys:/keys", "checkpoints:/checkpoints"}
    options = json.loads(filled(one["environment"]["SAFELIGHT_STORAGE__S3"]))
    assert {"region", "access_key_id", "secret_access_key"} == options.keys()


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.toml")), ids=name)
def test_settings_files_and_their_generators_are_accepted(path: Path) -> None:
    settings = read_settings(path)
    for generator, table in settings.generators.items():
        if table["kind"] == "videos_api":
            read_options({"name": generator, **{key: table[key] for key in table if key != "kind"}})
    assert (
        tomllib.loads(path.read_text(encoding="utf-8"))["generation"]["default_generator"]
        in settings.generators
    )


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("litellm/*.config.yaml")), ids=name)
def test_litellms_files_have_models_and_no_secrets(path: Path) -> None:
    document = loaded(path)
    for model in document["model_list"]:
        assert model["model_name"]
        assert "/" in model["litellm_params"]["model"]
        assert model["litellm_params"]["api_key"].startswith("os.environ/")
    assert document["litellm_settings"]["num_retries"] == 0


def test_litellm_offers_the_models_that_safelight_requests() -> None:
    offered = {
        model["model_name"] for model in loaded(DEPLOY / "litellm" / "behind.config.yaml")["model_list"]
    }
    settings = read_settings(DEPLOY / "litellm" / "safelight.toml")
    assert set(settings.generators["upstream"]["models"]) == offered


def started(unit: Path) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(encoding="utf-8"), re.M)
    return shlex.split(line)


@pytest.mark.parametrize("path", UNITS, ids=name)
def test_units_pass_systemd_analyze(path: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        leave_out("systemd-analyze", "install systemd")
    program = started(path)[0]
    # The program is not installed here, so a stub replaces it; the rest of the unit is unchanged.
    there = tmp_path / "program"
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    unit = tmp_path / path.name
    unit.write_text(path.read_text(encoding="utf-8").replace(program, str(there)))
    for other in UNITS:
        if other != path:
            (tmp_path / other.name).write_text(
                other.read_text(encoding="utf-8").replace(started(other)[0], str(there))
            )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
    )
    said = [line for line in done.stderr.splitlines() if path.name in line]
    assert done.returncode == 0, done.stderr
    assert not said


@pytest.mark.parametrize("path", UNITS, ids=name)
def test_units_start_existing_commands_and_generators_listen_on_loopback(path: Path) -> None:
    program, *words = started(path)
    if program.endswith("/safelight"):
        parse(words)
        return
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert "IPAddressDeny=any" in path.read_text(encoding="utf-8")


FLEET = DEPLOY / "kubernetes" / "fleet.yaml"


def objects(kind: str) -> dict[str, dict[str, Any]]:
    found = [each for each in loaded(FLEET)["items"] if each["kind"] == kind]
    return {each["metadata"]["name"]: each for each in found}


def pods() -> dict[str, dict[str, Any]]:
    """The specification of the pods of each deployment, by role."""
    made = objects("Deployment").values()
    return {
        each["spec"]["template"]["metadata"]["labels"]["role"]: each["spec"]["template"]["spec"]
        for each in made
    }


def test_the_cluster_has_a_deployment_for_each_role_that_selects_its_own_pods() -> None:
    assert set(pods()) == set(ROLES)
    for name, made in objects("Deployment").items():
        labels = made["spec"]["template"]["metadata"]["labels"]
        assert made["spec"]["selector"]["matchLabels"] == labels
        assert name == f"safelight-{labels['role']}"
    (service,) = objects("Service").values()
    assert service["spec"]["selector"] == {"app": "safelight", "role": "web"}
    (policy,) = objects("NetworkPolicy").values()
    assert policy["spec"]["podSelector"]["matchLabels"] == {"app": "safelight", "role": "scan"}


@pytest.mark.parametrize("role", ROLES)
def test_a_pod_starts_its_role_with_settings_that_exist(
    role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (container,) = pods()[role]["containers"]
    parse(list(container["args"]))
    assert container["args"][-2:] == ["--role", role]
    (settings,) = (
        table["data"]["safelight.toml"]
        for name, table in objects("ConfigMap").items()
        if name == "safelight-settings"
    )
    (tmp_path / "safelight.toml").write_text(settings)
    secrets = {"database": "postgresql://safelight@127.0.0.1/safelight", "s3": "{}"}
    for each in container["env"]:
        asked = each["valueFrom"]["secretKeyRef"]
        assert asked["name"] == "safelight"
        monkeypatch.setenv(each["name"], secrets[asked["key"]])
    for each in container.get("envFrom", ()):
        for key, value in objects("ConfigMap")[each["configMapRef"]["name"]]["data"].items():
            monkeypatch.setenv(key, value)
    found = read_settings(tmp_path / "safelight.toml")
    assert (found.server.behind_proxy, found.storage.database) == (True, secrets["database"])
    assert ("own" in found.generators) == (role in {"web", "work"})
    for secret in secrets:
        assert re.search(rf"--from-\w+={secret}=", (FLEET.parent / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("role", ROLES)
def test_a_pod_may_write_only_its_volumes_and_names_ones_that_exist(role: str) -> None:
    pod = pods()[role]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == Settings().server.stop_grace_s
    assert container["image"] == OURS
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes.keys()
    for each in volumes.values():
        if claim := each.get("persistentVolumeClaim"):
            assert claim["claimName"] in objects("PersistentVolumeClaim")
        if config := each.get("configMap"):
            assert config["name"] in objects("ConfigMap")
    assert volumes["data"] == {"name": "data", "emptyDir": {}}
    ports = {each["name"] for each in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] in ports
        assert asked["path"] in {"/healthz", "/readyz"}


DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.M)
    lines = [line for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line.strip()]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def test_the_image_uses_only_known_instructions() -> None:
    known = {
        "FROM",
        "RUN",
        "COPY",
        "ENV",
        "USER",
        "WORKDIR",
        "VOLUME",
        "EXPOSE",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert {word for word, _ in instructions()} <= known
    for word, rest in instructions():
        if word in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(rest), list)
        if word == "FROM":
            assert re.fullmatch(r"[\w./-]+:[\w.-]+( AS \w+)?", rest)
            assert ":latest" not in rest


def test_the_image_does_not_run_as_root() -> None:
    words = [word for word, _ in instructions()]
    last = len(words) - 1 - words[::-1].index("FROM")
    (user,) = [rest for word, rest in instructions()[last:] if word == "USER"]
    assert user.isdigit()
    assert int(user) > 0
    assert words.index("USER") < words.index("ENTRYPOINT")


def test_the_image_installs_only_locked_requirements() -> None:
    installs = [
        part.strip()
        for word, rest in instructions()
        if word == "RUN"
        for part in rest.split("&&")
        if "pip install" in part
    ]
    assert installs
    for one in installs:
        assert "--require-hashes" in one or ("--no-deps" in one and "--no-index" in one), one
        assert "--no-cache-dir" in one
        for lock in re.findall(r"-r (\S+)", one):
            assert (ROOT / lock).is_file()
    for word, rest in instructions():
        if word == "RUN" and "apt-get install" in rest:
            assert "--no-install-recommends" in rest
            assert "rm -rf /var/lib/apt/lists/*" in rest


def test_the_image_copies_only_existing_files_that_are_not_ignored() -> None:
    ignored = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source.split("/")[0] in let_in, source
    command = json.loads(dict(instructions())["CMD"])
    assert json.loads(dict(instructions())["ENTRYPOINT"]) == ["safelight"]
    parse(command)


def test_the_proxy_forwards_to_existing_gateways() -> None:
    text = (DEPLOY / "postgres-s3" / "Caddyfile").read_text(encoding="utf-8")
    assert text.count("{") == text.count("}")
    named = set(re.findall(r"([\w-]+):8000", text))
    assert named == {
        name
        for name, table in services(DEPLOY / "postgres-s3" / "compose.yaml").items()
        if table["image"] == OURS and "front" in table["networks"]
    }


def test_the_time_to_stop_is_the_same_everywhere() -> None:
    grace_s = Settings().server.stop_grace_s
    ours = [one for path in COMPOSE for one in services(path).values() if one["image"] == OURS]
    assert {one["stop_grace_period"] for one in ours} == {f"{grace_s:g}s"}
    (unit,) = (path for path in UNITS if path.name == "safelight.service")
    text = unit.read_text(encoding="utf-8")
    assert f"\nTimeoutStopSec={grace_s:g}\n" in text
    assert "\nKillMode=mixed\n" in text, "child processes must not get SIGTERM in the middle of a scan"
