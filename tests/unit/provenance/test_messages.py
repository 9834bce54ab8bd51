from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.provenance import messages
from safelight.provenance.models import ManifestReport, ManifestState
from safelight.provenance.seal import Seal
from safelight.provenance.verification import printable

KNOWN = Seal(
    video_id="video_1",
    sha256="a",
    source_sha256="b",
    sealed_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
    manifest=b"",
)
FAILURES = (
    (),
    ("assertion.bmffHash.mismatch",),
    ("signingCredential.expired",),
    ("assertion.hashedURI.mismatch", "signingCredential.untrusted"),
)
READINGS = [
    ManifestReport(
        state=state, note=note, failures=failures, media_type=kind, generated_at=when, issuer=issuer
    )
    for state, note, failures, kind, when, issuer in itertools.product(
        ManifestState,
        ("", "none", "format", "remote", "damaged", "child"),
        FAILURES,
        ("video/mp4", "image/png", ""),
        ("2026-11-20T07:00:00Z", "", "last Friday"),
        ("Films", ""),
    )
]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("known", [KNOWN, None])
def test_no_message_contains_authentic_real_or_safe(own: bool, known: Seal | None) -> None:
    for reading in READINGS:
        parts = [
            messages.answer(reading, own=own, known=known),
            *messages.manifest(reading, own=own).values(),
        ]
        parts += [*messages.registry(True).values(), *messages.registry(False).values()]
        parts += messages.damaged_entry().values()
        for part in parts:
            assert part.endswith(".")
            assert not {"authentic", "genuine", "real", "safe", "verified"} & set(
                part.lower().replace(",", " ").replace(".", " ").split()
            )


def test_a_changed_file_is_distinguished_from_an_expired_certificate() -> None:
    changed = ManifestReport(
        state=ManifestState.INVALID, failures=("assertion.bmffHash.mismatch",), media_type="video/mp4"
    )
    expired = ManifestReport(
        state=ManifestState.INVALID, failures=("signingCredential.expired",), media_type="video/mp4"
    )
    broken = ManifestReport(state=ManifestState.INVALID, media_type="video/mp4")
    assert "was changed after it was sealed" in messages.answer(changed, own=False, known=None)
    assert "certificate has expired" in messages.answer(expired, own=False, known=None)
    assert "changed or damaged" in messages.answer(broken, own=False, known=None)


def test_only_a_trusted_manifest_names_this_installation() -> None:
    for reading in READINGS:
        if reading.state is not ManifestState.TRUSTED:
            assert "by this installation" not in messages.answer(reading, own=False, known=None)


@given(st.text())
def test_foreign_manifest_text_cannot_inject_terminal_escapes(text: str) -> None:
    shown = printable({"a": [f"\x1b[2J\u202e{text}\r"]})["a"][0]
    assert all(one == " " or one.isprintable() for one in shown)
