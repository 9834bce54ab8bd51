"""An MP4 file that has a manifest and no content, so that a library can read a stored manifest. Pure."""

from __future__ import annotations

#: The id of C2PA's box in MP4.
_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
#: Version and flags, the purpose of the box, and the offset of a Merkle tree, which is not there.
_BOX_HEAD = bytes(4) + b"manifest\0" + bytes(8)
_FILE_TYPE = (24).to_bytes(4, "big") + b"ftypmp42" + bytes(4) + b"mp42isom"


def carry_manifest(manifest: bytes) -> bytes:
    """The content of that file. As its content is not what was signed, the manifest is valid except for the
    hash of picture and sound.
    """
    box = b"uuid" + _C2PA_BOX + _BOX_HEAD + manifest
    return _FILE_TYPE + (len(box) + 4).to_bytes(4, "big") + box
