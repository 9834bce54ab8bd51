from __future__ import annotations

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from safelight.provenance.cose_signature import CoseSignature, MalformedManifest


def box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def superbox(label: bytes, *inside: bytes) -> bytes:
    return box(b"jumb", box(b"jumd", bytes(17) + label + b"\0") + b"".join(inside))


def store(cose: bytes, *earlier: bytes) -> bytes:
    """A manifest store whose last manifest has this signature."""
    manifests = (*earlier, cose)
    return superbox(
        b"c2pa",
        *(superbox(b"urn:c2pa:1", superbox(b"c2pa.signature", box(b"cbor", one))) for one in manifests),
    )


def cose(signature: bytes, pad: int = 200, protected: bytes = b"\xa1\x01\x26") -> bytes:
    header = b"\xa1\x63pad\x59" + pad.to_bytes(2, "big") + bytes(pad)
    return b"\xd2\x84" + bytes([0x40 | len(protected)]) + protected + header + b"\xf6\x58\x40" + signature


@given(token=st.binary(max_size=150), first=st.binary(min_size=64, max_size=64))
def test_a_timestamp_changes_neither_length_nor_signature_and_only_the_newest_manifest(
    token: bytes, first: bytes
) -> None:
    before = store(cose(b"\x07" * 64), cose(first))
    found = CoseSignature.find(before)
    assert found.signature == b"\x07" * 64
    after = found.with_timestamp(before, token)
    again = CoseSignature.find(after)
    assert len(after) == len(before)
    assert (again.signature, again.protected, again.message) == (
        found.signature,
        found.protected,
        found.message,
    )
    assert again.has_timestamp
    assert after[: found.header_at] == before[: found.header_at]
    assert not found.has_timestamp


@example(data=b"", position=134, junk=b"\x00")
@given(data=st.binary(max_size=300), position=st.integers(min_value=0), junk=st.binary(max_size=8))
def test_damaged_manifests_are_refused_with_one_kind_of_error(
    data: bytes, position: int, junk: bytes
) -> None:
    whole = bytearray(store(cose(b"\x07" * 64)))
    at = position % len(whole)
    whole[at : at + len(junk)] = junk
    for damaged in (data, bytes(whole), bytes(whole[:at])):
        with contextlib.suppress(MalformedManifest):
            CoseSignature.find(damaged)


CHAIN = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4)


def byte_string(content: bytes) -> bytes:
    return b"\x59" + len(content).to_bytes(2, "big") + content


@given(chain=CHAIN)
def test_the_signing_certificate_is_the_first_one_of_the_chain(chain: list[bytes]) -> None:
    several = bytes([0x80 | len(chain)]) + b"".join(map(byte_string, chain))
    for value in (several, byte_string(chain[0])):
        header = b"\xa2\x01\x26\x18\x21" + value
        assert _signature(header).certificate == chain[0]


@given(header=st.binary(max_size=100))
def test_a_signed_header_without_a_chain_is_refused_with_one_kind_of_error(header: bytes) -> None:
    with contextlib.suppress(MalformedManifest):
        assert _signature(header).certificate in header


def _signature(header: bytes) -> CoseSignature:
    return CoseSignature(
        protected=header, signature=b"", header_at=0, pad_at=0, pad_bytes=0, has_timestamp=False
    )
