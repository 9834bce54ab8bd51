"""The plain sentences of a verification. They never say more than the evidence does."""

from __future__ import annotations

import datetime as dt

from .models import ManifestReport, ManifestState
from .seal import Seal

_NOTHING = "This says nothing about where it comes from, nor about whether it was generated."
#: Codes by which a reader says that the certificate, not the content, is what does not hold.
_CREDENTIAL = ("signingCredential.expired", "signingCredential.invalid", "signingCredential.ocsp.revoked")
_CONTENT = ("assertion.bmffHash.mismatch", "assertion.dataHash.mismatch", "assertion.boxesHash.mismatch")


def answer(reading: ManifestReport, *, own: bool, known: Seal | None) -> str:
    """One or two sentences for the person with the file."""
    what = _noun(reading)
    if known is not None and reading.state is not ManifestState.TRUSTED:
        return (
            f"This {what} was delivered by this installation on {_day(known.sealed_at)}: the registry knows "
            "these very bytes. Its manifest does not say so by itself."
        )
    match reading.state:
        case ManifestState.TRUSTED if own and known:
            return (
                f"This {what} was delivered by this installation on {_day(known.sealed_at)}. "
                "It has not been changed since."
            )
        case ManifestState.TRUSTED if own:
            return (
                f"This {what} was sealed by this installation{_on(reading)}. "
                "Its picture and sound have not been changed since."
            )
        case ManifestState.TRUSTED:
            return (
                f"This {what} was sealed{_on(reading)} by {_name(reading)}, whom this installation trusts. "
                "Its picture and sound have not been changed since."
            )
        case ManifestState.VALID:
            return (
                f"This {what} was not changed since it was sealed, but it is not known by whom: it names "
                f"{_name(reading)}, and anybody can make a seal that does."
            )
        case ManifestState.INVALID:
            return _invalid(reading, what)
        case ManifestState.ABSENT:
            return _absent(reading, what)
        case _:
            return f"The {what} could not be read, so no manifest was found. {_NOTHING}"


def _invalid(reading: ManifestReport, what: str) -> str:
    codes = set(reading.failures)
    if codes & set(_CONTENT):
        return f"The {what} was changed after it was sealed. What its manifest says is not about this {what}."
    if codes and codes <= {*_CREDENTIAL, "signingCredential.untrusted"}:
        return (
            f"The {what} carries a seal whose certificate has expired or does not hold. "
            "Whoever made it can no longer be told from it."
        )
    return f"The manifest of this {what} was changed or damaged. Nothing it says can be relied on."


def _absent(reading: ManifestReport, what: str) -> str:
    if reading.note == "format":
        return f"No manifest: this kind of file cannot carry one. {_NOTHING}"
    if reading.note == "remote":
        return f"No manifest: the {what} points to one elsewhere, which was not fetched. {_NOTHING}"
    return f"No manifest: ordinary tools remove it, even when they only copy a {what}. {_NOTHING}"


def manifest(reading: ManifestReport, *, own: bool) -> dict[str, str]:
    """What the manifest says, proves and does not prove."""
    match reading.state:
        case ManifestState.TRUSTED:
            signer = "this installation" if own else _name(reading)
            return {
                "says": f"Sealed by {signer}{_on(reading)}; source: {reading.source_type or 'not given'}.",
                "proves": f"{signer[:1].upper()}{signer[1:]} signed this picture and sound, unchanged.",
                "does_not_prove": "That the content is true or harmless, nor the time: it is the signer's "
                "own word. Parts of the file that carry no picture or sound are not covered.",
            }
        case ManifestState.VALID:
            return {
                "says": f"Sealed by {_name(reading)}{_on(reading)}.",
                "proves": "Picture and sound are as they were when somebody sealed them.",
                "does_not_prove": "Who that was: its certificate leads to no root that is trusted here.",
            }
        case ManifestState.INVALID:
            return {
                "says": f"The manifest does not hold: {', '.join(reading.failures) or 'damaged'}.",
                "proves": "Something was changed after sealing, or the certificate does not hold.",
                "does_not_prove": "Who changed it, what, or that the rest of what it says was ever true.",
            }
        case _:
            return {
                "says": "There is no manifest that could be read.",
                "proves": "Nothing.",
                "does_not_prove": "That the file was not generated, or does not come from here: a "
                "manifest is lost by re-encoding, by most apps, and by copying into a new container.",
            }


def registry(registered: bool) -> dict[str, str]:
    """What the registry's answer proves and does not prove."""
    if registered:
        return {
            "says": "The registry has these very bytes.",
            "proves": "Exactly this file was sealed here.",
            "does_not_prove": "Who made or passed on this copy.",
        }
    return {
        "says": "The registry has no file with these very bytes.",
        "proves": "This exact file is not among those recorded here.",
        "does_not_prove": "That it does not come from here: one changed byte, or an erased record, "
        "is enough.",
    }


def _noun(reading: ManifestReport) -> str:
    return "video" if reading.media_type.startswith("video/") else "file"


def _name(reading: ManifestReport) -> str:
    return f"“{reading.issuer or reading.common_name or 'somebody without a name'}”"


def _on(reading: ManifestReport) -> str:
    try:
        return f" on {_day(dt.datetime.fromisoformat(reading.signed_at or reading.generated_at))}"
    except ValueError:
        return ""


def _day(moment: dt.datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
