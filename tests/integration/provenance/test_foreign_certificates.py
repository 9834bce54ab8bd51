"""Certificates that are not our own: only C2PA's usage, expired, early, for another use."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import certificates
from safelight.provenance.certificates import Issued
from safelight.provenance.keys import KeyStore
from safelight.provenance.models import ManifestState, SignerTrust
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier

from .conftest import FactsMaker
from .foreign_certificates import Terms, sign_with, store_with
from .test_documentation import PAGE

E_MAIL = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)


@pytest.fixture
def root() -> Issued:
    return certificates.issue_root("Elsewhere", now=dt.datetime.now(dt.UTC) - dt.timedelta(days=100))


def test_a_certificate_with_only_the_usage_of_c2pa_seals_and_is_read_by_the_documented_code(
    sandbox: Sandbox,
    root: Issued,
    video: Path,
    facts: FactsMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keys = store_with(tmp_path, root, Terms())
    monkeypatch.chdir(tmp_path)
    shutil.copy(video, "plain.mp4")
    Sealer(sandbox=sandbox, keys=keys).seal(Path("plain.mp4"), Path("video.mp4"), facts())
    found = Verifier(sandbox=sandbox, keys=keys).verify(tmp_path / "video.mp4")
    assert (found.state, found.signer) == (ManifestState.TRUSTED, SignerTrust.OWN)
    Path("safelight-roots.pem").write_text(keys.anchors_pem, encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    exec(compile(example, str(PAGE), "exec"), {})
    assert capsys.readouterr().out.startswith("Trusted\n")


@pytest.mark.parametrize("is_on_the_list", [False, True], ids=["unknown root", "root on the list"])
@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (Terms(usages=E_MAIL, begins=-9, ends=-1), "signingCredential.expired"),
        (Terms(usages=E_MAIL, begins=1, ends=9), "signingCredential.expired"),
        (Terms(usages=(ExtendedKeyUsageOID.CODE_SIGNING,)), "signingCredential.invalid"),
        (Terms(usages=(ExtendedKeyUsageOID.SERVER_AUTH,)), "signingCredential.invalid"),
    ],
    ids=["expired", "not valid yet", "for code", "for a web server"],
)
def test_a_foreign_file_with_a_certificate_that_is_not_valid_is_invalid_and_says_why(
    terms: Terms,
    code: str,
    is_on_the_list: bool,
    sandbox: Sandbox,
    root: Issued,
    video: Path,
    tmp_path: Path,
) -> None:
    path = sign_with(video, tmp_path / "foreign.mp4", root, terms)
    trusted = certificates.certificates_pem((root.certificate,)).decode() if is_on_the_list else ""
    ours = KeyStore.own(tmp_path / "keys", organization="Ours")
    found = Verifier(sandbox=sandbox, keys=ours, trust_pem=trusted).verify(path)
    assert (found.state, found.signer) == (ManifestState.INVALID, SignerTrust.UNKNOWN)
    assert code in found.reading.failures
    assert found.answer == (
        "The video has a seal whose certificate has expired, is not valid yet or is invalid. "
        "The signer cannot be determined from it."
    )


def test_a_foreign_file_with_a_valid_certificate_is_trusted_only_with_its_root(
    sandbox: Sandbox, root: Issued, video: Path, tmp_path: Path
) -> None:
    path = sign_with(video, tmp_path / "foreign.mp4", root, Terms())
    ours = KeyStore.own(tmp_path / "keys", organization="Ours")
    verifier = Verifier(sandbox=sandbox, keys=ours)
    assert verifier.verify(path).state is ManifestState.VALID
    trusting = verifier.with_trust_anchors(certificates.certificates_pem((root.certificate,)))
    found = trusting.verify(path)
    assert (found.state, found.signer) == (ManifestState.TRUSTED, SignerTrust.CONFIGURED)
    assert "“Elsewhere”, whom this service trusts" in found.answer
