"""Manifests in a file of their own."""

from __future__ import annotations

import json
from pathlib import Path

from c2pa import Builder, C2paSigningAlg, Context, Signer

from safelight.provenance.keys import KeyStore

_MADE = {"action": "c2pa.created", "digitalSourceType": "http://c2pa.org/digitalsourcetype/empty"}


def sign_apart(clip: Path, keys: KeyStore, media_type: str) -> bytes:
    """The manifest of a file, which stays as it is."""
    definition = {
        "claim_version": 2,
        "claim_generator_info": [{"name": "Maker"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [_MADE]}}],
    }
    signing = keys.signing()
    context = Context.from_dict({"trust": {"trust_anchors": keys.anchors_pem}})
    builder = Builder.from_json(json.dumps(definition), context=context)
    builder.set_no_embed()
    signer = Signer.from_callback(signing.sign_claim, C2paSigningAlg.ES256, signing.chain_pem, None)
    with clip.open("rb") as source, clip.with_suffix(".out").open("wb+") as into:
        return bytes(builder.sign(signer, media_type, source, into))
