"""Files that another program signs, with the manifest inside, in a file of its own, or on a server."""

from __future__ import annotations

import json
from pathlib import Path

from c2pa import Builder, C2paSigningAlg, Context, Signer

from safelight.provenance.keys import KeyStore

_GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_MADE = {"action": "c2pa.created", "digitalSourceType": _GENERATED}
#: What the foreign program says of the file.
DEFINITION = {
    "claim_version": 2,
    "claim_generator_info": [{"name": "Elsewhere"}],
    "assertions": [{"label": "c2pa.actions", "data": {"actions": [_MADE]}}],
}


def sign_elsewhere(
    source: Path,
    into: Path,
    keys: KeyStore,
    media_type: str = "video/mp4",
    *,
    embeds: bool = True,
    address: str = "",
) -> bytes:
    """Sign a file as a foreign program does. Returns the manifest. It is not in the file without `embeds`,
    or if it is at an address.
    """
    signing = keys.signing()
    context = Context.from_dict({"trust": {"trust_anchors": keys.anchors_pem}})
    builder = Builder.from_json(json.dumps(DEFINITION), context=context)
    if address or not embeds:
        builder.set_no_embed()
    if address:
        builder.set_remote_url(address)
    signer = Signer.from_callback(signing.sign_claim, C2paSigningAlg.ES256, signing.chain_pem, None)
    with source.open("rb") as file, into.open("wb+") as signed:
        return bytes(builder.sign(signer, media_type, file, signed))


def sign_apart(clip: Path, keys: KeyStore, media_type: str) -> bytes:
    """The manifest of a file, which stays as it is."""
    return sign_elsewhere(clip, clip.with_suffix(".out"), keys, media_type, embeds=False)
