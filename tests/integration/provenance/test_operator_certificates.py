"""A certificate of an authority, by the commands and settings of docs/watermark.md."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safelight.app.container import load
from safelight.cli import main
from safelight.cli.doctor import configured_signing
from safelight.cli.doctor_checks import DoctorState, guarded
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import certificates
from safelight.provenance.sealing import Sealer

from .conftest import FactsMaker
from .foreign_certificates import Terms, issue

PAGE = Path(__file__).parents[3] / "docs" / "watermark.md"
VALID, EXPIRED, EARLY = Terms(), Terms(begins=-9, ends=-1), Terms(begins=1, ends=9)
Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.fixture(scope="module")
def authority() -> certificates.Issued:
    return certificates.issue_root("Authority", now=dt.datetime.now(dt.UTC) - dt.timedelta(days=20))


def block(language: str) -> str:
    return PAGE.read_text("utf-8").split(f"```{language}\n", 1)[1].split("```", 1)[0]


def follow_the_page(folder: Path, authority: certificates.Issued, terms: Terms = VALID) -> str:
    """The request, the authority's answer, and the settings. Returns the serial number of the certificate."""
    subprocess.run(["sh", "-ec", block("sh")], cwd=folder, check=True, capture_output=True)
    assert x509.load_pem_x509_csr((folder / "signing.csr").read_bytes()).is_signature_valid
    key = serialization.load_pem_private_key((folder / "signing-key.pem").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    leaf = issue(authority, key, terms).certificate
    chain = certificates.certificates_pem((leaf, authority.certificate))
    (folder / "signing-chain.pem").write_bytes(chain)
    settings = [line for line in block("toml").splitlines() if not line.startswith("timestamp")]
    (folder / "safelight.toml").write_text("\n".join(settings).replace("/etc/safelight", str(folder)))
    return str(leaf.serial_number)


def seal(sandbox: Sandbox, video: Path, facts: FactsMaker, into: Path) -> Path:
    """A file that this installation seals."""
    Sealer(sandbox=sandbox, keys=load().persistence.signing_keys).seal(video, into, facts())
    return into


def test_seals_stay_own_after_the_change_to_a_certificate_and_its_renewal(
    run: Run, folder: Path, authority: certificates.Issued, sandbox: Sandbox, video: Path, facts: FactsMaker
) -> None:
    sealed, serials = [seal(sandbox, video, facts, folder / "own.mp4")], set()
    own_root = load().persistence.signing_keys.anchors_pem
    for number in range(2):
        serials.add(follow_the_page(folder, authority))
        code, found = run("signing", "check")
        assert (code, found["key"]["serial"] in serials) == (0, True)
        sealed.append(seal(sandbox, video, facts, folder / f"{number}.mp4"))
    assert len(serials) == 2
    for file in sealed:
        code, found = run("verify", str(file))
        assert (code, found["state"], found["signer"]) == (0, "trusted", "this installation")
        assert found["video_id"] == facts().video_id
    _, found = run("signing", "export-roots")
    assert found["pem"] == own_root + certificates.certificates_pem((authority.certificate,)).decode()


@pytest.mark.parametrize(
    ("terms", "problem"), [(EXPIRED, "expired on"), (EARLY, "not valid before")], ids=["expired", "early"]
)
def test_a_certificate_that_cannot_sign_now_prevents_nothing_else(
    run: Run, folder: Path, authority: certificates.Issued, video: Path, terms: Terms, problem: str
) -> None:
    load().core.settings.data.mkdir()
    serial = follow_the_page(folder, authority, terms)
    code, found = run("signing", "check")
    assert (code, found["key"]) == (1, None)
    assert problem in found["problems"][0]["problem"]
    assert found["problems"][0]["remedy"]
    keys = load().persistence.signing_keys
    check = guarded("signing key", lambda: configured_signing(lambda: keys, dt.datetime.now(dt.UTC)))
    assert (check.state, problem in check.message) == (DoctorState.FAILED, True)
    assert run("verify", str(video))[1]["state"] == "absent"
    assert run("signing", "export-roots")[0] == 0
    assert run("signing", "revoke", serial, "--since", "2026-11-01")[0] == 0


def test_a_lost_key_prevents_no_verification(
    run: Run, folder: Path, authority: certificates.Issued, sandbox: Sandbox, video: Path, facts: FactsMaker
) -> None:
    serial = follow_the_page(folder, authority)
    sealed = seal(sandbox, video, facts, folder / "sealed.mp4")
    (folder / "signing-key.pem").unlink()
    assert run("verify", str(sealed))[1]["signer"] == "this installation"
    code, found = run("signing", "check")
    assert code == 1
    assert "signing-key.pem cannot be read" in found["problems"][0]["problem"]
    assert run("signing", "export-roots")[0] == 0
    assert run("signing", "revoke", serial, "--since", "2026-11-01")[0] == 0
    assert run("verify", str(sealed))[1]["state"] == "valid"
