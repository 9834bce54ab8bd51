from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from safelight.core import canonical_json
from safelight.screening.evaluation import texts_sha256
from safelight.store.hash_chain import GENESIS, ChainedFields, compute_commitment, hash_entry
from safelight.store.tables.types import Json

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
_KEYS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner), max_leaves=20)
#: As a command line gives them: bytes that are not UTF-8 come as halves of surrogate pairs.
TEXTS = st.dictionaries(st.text(), st.text())


@given(VALUES)
def test_encode_writes_what_the_audit_log_and_the_columns_hold(value: Any) -> None:
    assert canonical_json.encode(value) == msgspec.json.encode(value, order="sorted")
    assert canonical_json.encode({"parts": value, "files": []}, enc_hook=str) == msgspec.json.encode(
        {"parts": value, "files": []}, order="deterministic", enc_hook=str
    )
    column = Json().process_bind_param(value, sqlite.dialect())
    assert column == (None if value is None else msgspec.json.encode(value, order="sorted").decode())


@given(st.dictionaries(_KEYS, VALUES))
def test_document_text_writes_what_policies_are_hashed_as(document: dict[str, Any]) -> None:
    assert canonical_json.document_text(document) == json.dumps(
        document, sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )


@given(TEXTS)
def test_the_hash_of_a_requests_texts_is_stable(texts: dict[str, str]) -> None:
    written = json.dumps(texts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert texts_sha256(texts) == hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, None, "é\n\x1f/"]}, b'{"a":[true,null,"\xc3\xa9\\n\\u001f/"],"b":1}'),
        ([1e-7, 1e16, 0.1, -0.0], b"[1e-7,1e16,0.1,-0.0]"),
        ({"z": {"y": 1, "x": 2}, "": 0}, b'{"":0,"z":{"x":2,"y":1}}'),
    ],
)
def test_recorded_bytes(value: Any, expected: bytes) -> None:
    assert canonical_json.encode(value) == expected


def test_recorded_bytes_of_a_document() -> None:
    document = {"b": 1e-7, "a": ["é\n\x1f/", 1e16]}
    assert canonical_json.document_text(document) == '{"a":["é\\n\\u001f/",1e+16],"b":1e-07}'


def test_recorded_hashes() -> None:
    """Computed before the encoders were merged."""
    content = canonical_json.encode({"reason": "naïve", "at": 1.5, "ids": ["b", "a"]})
    bound = compute_commitment(bytes(16), content)
    assert bound == "22c15f8eaaa9df33c718b4c5112ef59a2924c6d795a865e6be223b8a713b3eec"
    entry = hash_entry(
        ChainedFields(
            previous=GENESIS,
            seq=1,
            at=1763683200.25,
            tenant_id=None,
            event="video.created",
            subject="video_1",
            actor="key_1",
            commitment=bound,
        )
    )
    assert entry == "59e103259925911612bb733bdc18295c20c776ac4eec1c3a9f6cd0a9f397cc00"
    assert (
        texts_sha256({"prompt": "a quiet lake, naïve \udc80"})
        == "2dc66782979560c85b71a77f0a2e9a3a8153b59da2c699da5904d73bd2bbe55b"
    )


def test_the_two_forms_differ() -> None:
    assert canonical_json.encode({"a": 1e-7}).decode() != canonical_json.document_text({"a": 1e-7})
    with pytest.raises(UnicodeEncodeError):
        canonical_json.encode({"a": "\udc80"})
    assert canonical_json.document_text({"a": "\udc80"}) == '{"a":"\udc80"}'
