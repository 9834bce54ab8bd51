"""The page about the origin of a file says what was found, in three languages."""

from __future__ import annotations

import itertools
import re

import pytest

from safelight.console.translations import load_languages
from safelight.console.verify_pages import VerifyResult, describe_verification
from safelight.provenance import messages
from safelight.provenance.models import (
    NO_REVOCATIONS,
    ManifestReport,
    ManifestState,
    SignerTrust,
    Verification,
)
from safelight.provenance.verification import evidence_of

TAGS = ("en", "zh-Hant", "zh-Hans")


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
    ("tag", "word"), [("en", "is revoked since 19 November 2026"), ("zh-Hant", "撤銷"), ("zh-Hans", "吊销")]
)
def test_a_revoked_certificate_is_named(tag: str, word: str) -> None:
    shown = page(ManifestState.VALID, tag, revoked_since="2026-11-19T00:00:00+00:00")
    assert word in shown.sentence
    assert word in shown.proofs[0].claims
    assert "2026" in shown.sentence


@pytest.mark.parametrize(
    ("tag", "word"), [("en", "cannot check at the moment"), ("zh-Hant", "無法檢查"), ("zh-Hans", "无法检查")]
)
def test_a_certificate_that_cannot_be_checked_is_named(tag: str, word: str) -> None:
    assert word in page(ManifestState.VALID, tag, note=NO_REVOCATIONS).sentence


@pytest.mark.parametrize(
    ("tag", "confirmed", "own_claim", "name"),
    [
        ("en", "a time confirmed by a timestamp authority", "the signer's own claim", "Confirmed time"),
        ("zh-Hant", "時間經時間戳記機構確認", "自行聲明", "經確認的時間"),
        ("zh-Hans", "时间经时间戳机构确认", "自行声明", "经确认的时间"),
    ],
)
def test_only_a_confirmed_time_is_not_called_the_signers_own_claim(
    tag: str, confirmed: str, own_claim: str, name: str
) -> None:
    for is_trusted in (True, False):
        shown = page(ManifestState.TRUSTED, tag, is_own=True, has_timestamp=True, time_trusted=is_trusted)
        assert (confirmed in shown.proofs[0].claims) == is_trusted
        assert (own_claim in shown.proofs[0].does_not_prove) != is_trusted
        assert (name in dict(shown.claims)) == is_trusted


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", ("is valid", "list of trusted issuers", "anyone can create such a seal")),
        ("zh-Hant", ("資訊清單有效", "不在本服務信任的簽署者清單中", "任何人都能")),
        ("zh-Hans", ("清单有效", "不在本服务信任的签名者列表中", "任何人都能")),
    ],
)
def test_a_valid_foreign_manifest_is_called_valid_with_an_issuer_that_is_not_on_the_list(
    tag: str, words: tuple[str, ...]
) -> None:
    assert all(word in page(ManifestState.VALID, tag).sentence for word in words)


@pytest.mark.parametrize("tag", TAGS)
def test_marks_of_other_services_are_said_not_to_be_checked(tag: str) -> None:
    assert "SynthID" in page(ManifestState.ABSENT, tag).proofs[-1].claims


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


@pytest.mark.parametrize(
    ("tag", "named", "unnamed"),
    [
        ("en", "“Films”", "a signer without a name"),
        ("zh-Hant", "「Films」", "無名簽署者"),
        ("zh-Hans", "“Films”", "无名签名者"),
    ],
)
def test_the_name_of_a_signer_is_quoted_as_usual_in_the_language(tag: str, named: str, unnamed: str) -> None:
    for state in (ManifestState.TRUSTED, ManifestState.VALID):
        assert named in page(state, tag).sentence
        assert unnamed in page(state, tag, issuer="").sentence
