"""The page about the origin of a file says what was found, in three languages."""

from __future__ import annotations

import itertools
import re

import pytest

from safelight.provenance import messages
from safelight.provenance.manifest import WAIVED_REMARK
from safelight.provenance.models import (
    NO_REVOCATIONS,
    ManifestReport,
    ManifestState,
    SignerTrust,
    Verification,
)
from safelight.provenance.verification import evidence_of
from safelight.web.console.page_templates import render_template
from safelight.web.console.verify_pages import VerifyResult, describe_verification
from safelight.web.translations import load_languages
from support.rows import each_row


def page(state: ManifestState, tag: str, *, is_own: bool = False, **reading: object) -> VerifyResult:
    given: dict[str, object] = {
        "media_type": "video/mp4",
        "issuer": "Films",
        "signed_at": "2026-11-20T00:00:00+00:00",
        **reading,
    }
    report = ManifestReport(state=state, **given)  # type: ignore[arg-type]
    signer = SignerTrust.OWN if is_own else SignerTrust.UNKNOWN
    found = Verification(
        state=state,
        signer=signer,
        answer=messages.answer(report, own=is_own, known=None),
        evidence=tuple(evidence_of(report, signer, registered=False)),
        sha256="0",
        registered=False,
        video_id="",
        reading=report,
    )
    return describe_verification(found, load_languages()[tag])


@pytest.mark.parametrize(
    ("tag", "revoked", "unchecked"),
    [
        ("en", "is revoked since 19 November 2026", "cannot check at the moment"),
        ("zh-Hant", "撤銷", "無法檢查"),
        ("zh-Hans", "吊销", "无法检查"),
    ],
)
def test_a_certificate_that_is_revoked_or_cannot_be_checked_is_named(
    tag: str, revoked: str, unchecked: str
) -> None:
    shown = page(ManifestState.VALID, tag, revoked_since="2026-11-19T00:00:00+00:00")
    assert revoked in shown.sentence
    assert revoked in shown.proofs[0].claims
    assert "2026" in shown.sentence
    assert unchecked in page(ManifestState.VALID, tag, note=NO_REVOCATIONS).sentence
    others = page(ManifestState.ABSENT, tag).proofs[-1]
    assert "SynthID" in others.claims, "marks of other services are not checked"


@each_row
def test_only_a_confirmed_time_is_not_called_the_signers_own_claim(
    tag: str, confirmed: str, own_claim: str, name: str
) -> None:
    for is_trusted in (True, False):
        shown = page(ManifestState.TRUSTED, tag, is_own=True, has_timestamp=True, time_trusted=is_trusted)
        assert (confirmed in shown.proofs[0].claims) == is_trusted
        assert (own_claim in shown.proofs[0].does_not_prove) != is_trusted
        assert (name in dict(shown.claims)) == is_trusted


@each_row
def test_a_valid_foreign_manifest_is_called_valid_with_an_issuer_that_is_not_on_the_list(
    tag: str, words: tuple[str, ...]
) -> None:
    assert all(word in page(ManifestState.VALID, tag).sentence for word in words)


def test_that_checks_were_waived_is_read_without_opening_a_fold() -> None:
    remark = "Some checks were waived by the operator."
    values = {"t": load_languages()["en"], "problem": None, "signed_in": False}
    for verdict, count in (({"remark": WAIVED_REMARK}, 1), ({}, 0)):
        shown = page(ManifestState.TRUSTED, "en", is_own=True, verdict=verdict)
        html = render_template("verify_result.html", {**values, "result": shown})
        assert html.count(remark) == html.partition("<details")[0].count(remark) == count


@pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans"])
def test_no_sentence_stays_english(tag: str) -> None:
    notes = ("", "format", "remote", NO_REVOCATIONS)
    failures = ((), ("assertion.bmffHash.mismatch",), ("signingCredential.expired",))
    for state, note, codes, kind, when, confirmed, revoked, source in itertools.product(
        ManifestState,
        notes,
        failures,
        ("video/webm", "image/png", ""),
        ("2026-11-20T07:00:00+00:00", ""),
        (False, True),
        ("2026-11-19T00:00:00+00:00", ""),
        ("trainedAlgorithmicMedia", ""),
    ):
        for is_own in {state is ManifestState.TRUSTED, False}:
            shown = page(
                state,
                tag,
                is_own=is_own,
                note=note,
                failures=codes,
                media_type=kind,
                signed_at=when,
                time_trusted=confirmed,
                revoked_since=revoked,
                source_type=source,
            )
            texts = [text for one in shown.proofs for text in (one.claims, one.proves, one.does_not_prove)]
            for text in (shown.sentence, *texts):
                rest = re.sub(r"“[^”]*”|「[^」]*」|SynthID|[\w.]+\.\w+", "", text)
                assert not re.search("[A-Za-z]{3}", rest), text


@each_row
def test_the_name_of_a_signer_is_quoted_as_usual_in_the_language(tag: str, named: str, unnamed: str) -> None:
    for state in (ManifestState.TRUSTED, ManifestState.VALID):
        assert named in page(state, tag).sentence
        assert unnamed in page(state, tag, issuer="").sentence
