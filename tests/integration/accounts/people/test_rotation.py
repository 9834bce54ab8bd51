"""A rotation of the key encrypts every value of the database that the key ring encrypts."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest

import safelight
from safelight.accounts import OPERATOR
from safelight.accounts.mail import MAILS, MailKind, MailQueue, NewMail
from safelight.accounts.openid import ID_TOKENS
from safelight.accounts.people.rotation import TOTP_SECRETS
from safelight.app.container import load
from safelight.cases.reports.decision_mails import RECEIPT_TOKENS
from safelight.consents.requests import MEDIA
from safelight.store.tables import consent_media, openid_sessions, outbox

#: The modules that store what the key ring encrypts, each with its columns in the rotation.
_STORING = {
    "consents/requests/subject.py": MEDIA,
    "accounts/mail.py": MAILS,
    "accounts/openid/sign_in.py": ID_TOKENS,
    "accounts/people/sign_in.py": TOTP_SECRETS,
    "cases/reports/decision_mails.py": RECEIPT_TOKENS,
}


@pytest.mark.parametrize("interrupted", [False, True])
def test_mails_clips_and_tokens_stay_readable_after_two_rotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    persistence = load().persistence
    database, keys = persistence.database, persistence.people.keys
    mail = NewMail(
        kind=MailKind.TEST, to="ann@example.org", language="en", event="e", link="https://a.example/#x"
    )
    with database.transaction(persistence.tenant) as tx:
        assert MailQueue(keys, enabled=True).enqueue(tx, mail)
        tx.insert(
            consent_media,
            request_id="consent_1",
            media_type="image/webp",
            ciphertext=keys.encrypt(b"clip", MEDIA.record("consent_1")),
            created_at=tx.now(),
        )
        tx.insert(
            openid_sessions,
            session_id="s",
            person_id="user_1",
            issuer="https://issuer.example",
            subject="ann",
            sid="",
            id_token=keys.encrypt(b"token", ID_TOKENS.record("s")),
        )
    for _ in range(2):
        if interrupted:
            keys.add_key()  # a rotation that was killed after it had added a key
        assert persistence.people.rotation.rotate(by=OPERATOR) == 3
    with database.read_transaction(persistence.tenant) as tx:
        clip, session = tx.one(consent_media), tx.one(openid_sessions)
        queued = tx.one(outbox, outbox.c.topic == "mail")
    assert keys.decrypt(clip.ciphertext, MEDIA.record("consent_1")) == b"clip"
    assert keys.decrypt(session.id_token, ID_TOKENS.record("s")) == b"token"
    ciphertext = MAILS.read(queued.body)
    assert ciphertext is not None
    plain = keys.decrypt(ciphertext, queued.id)
    assert plain is not None
    assert msgspec.json.decode(plain)["to"] == "ann@example.org"


def test_every_module_that_encrypts_with_these_keys_has_its_column_in_the_rotation() -> None:
    root = Path(safelight.__file__).parent
    found = {
        str(path.relative_to(root))
        for room in ("accounts", "cases", "consents", "videos")
        for path in (root / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == "encrypt"
        and ast.unparse(node) == "self._keys.encrypt"
    }
    # Templates have keys of their own, which are not rotated. The link of an appeal is not stored.
    not_stored = {"cases/appeals.py", "consents/encryption.py", "accounts/people/rotation.py"}
    assert found - not_stored == set(_STORING)
