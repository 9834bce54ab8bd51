"""One-time codes: accepted once, near their time; recovery codes match whatever their spelling."""

from __future__ import annotations

import pyotp
from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts.people.sign_in import (
    STEP_S,
    hash_recovery_code,
    match_recovery_code,
    match_totp,
    new_recovery_codes,
    new_totp_secret,
    totp_address,
)

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def test_the_codes_are_those_of_rfc_6238() -> None:
    # Appendix B of the RFC, the last six of eight digits.
    for now, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert match_totp(SECRET, code, now, after=None) == now // STEP_S


@given(step=st.integers(10, 10**9), distance=st.integers(-4, 4), after=st.integers(-4, 4))
def test_a_code_is_accepted_near_its_time_and_only_after_the_last_one(
    step: int, distance: int, after: int
) -> None:
    code = pyotp.TOTP(SECRET).generate_otp(step + distance)
    found = match_totp(SECRET, code, step * STEP_S + 7.0, after=step + after)
    if abs(distance) <= 1 and distance > after:
        assert found == step + distance
    elif found is not None:  # another step of the three has the same code by chance
        assert found > step + after


@given(st.text(max_size=20))
def test_other_texts_are_no_codes(text: str) -> None:
    if not "".join(text.split()).isdigit():
        assert match_totp(SECRET, text, 0.0, after=None) is None
    assert match_recovery_code(text, [hash_recovery_code("abcd")]) is None


def test_a_recovery_code_matches_in_any_spelling() -> None:
    codes = new_recovery_codes()
    digests = [hash_recovery_code(code) for code in codes]
    assert len(set(digests)) == len(codes) == 10
    for spelling in (codes[3], codes[3].upper(), codes[3].replace("-", " "), codes[3].replace("-", "")):
        assert match_recovery_code(spelling, digests) == digests[3]
    assert match_recovery_code(codes[3][:-1], digests) is None


def test_the_address_for_the_authenticator_names_account_and_installation() -> None:
    secret = new_totp_secret()
    assert len(secret) == 32
    address = totp_address(secret, email="ada@example.com", issuer="Safelight")
    assert address.startswith("otpauth://totp/Safelight:ada%40example.com?")
    assert f"secret={secret}" in address
