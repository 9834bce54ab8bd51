"""Messages that explain the result of a verification. They claim no more than the evidence supports."""

from __future__ import annotations

import datetime as dt

from .models import NO_REVOCATIONS, ManifestReport, ManifestState
from .seal import Seal

_OWN_TIME = ": the time is the signer's own claim"
_NO_CONCLUSION = "This shows neither its origin nor whether it was generated."
#: C2PA codes that concern the certificate, not the content.
_CREDENTIAL = ("signingCredential.expired", "signingCredential.invalid", "signingCredential.ocsp.revoked")
_CONTENT = ("assertion.bmffHash.mismatch", "assertion.dataHash.mismatch", "assertion.boxesHash.mismatch")

#: IPTC's source types in words.
_SOURCES = {
    "trainedAlgorithmicMedia": "made by an AI model",
    "compositeWithTrainedAlgorithmicMedia": "partly made by an AI model",
    "algorithmicMedia": "made by a program",
    "digitalCapture": "taken with a camera",
}


def answer(reading: ManifestReport, *, own: bool, known: Seal | None) -> str:
    """The summary for the owner of the file, in one or two sentences."""
    what = _noun(reading)
    if known is not None and reading.state is not ManifestState.TRUSTED:
        return (
            f"This {what} was delivered by this service on {_day(known.sealed_at)}: the registry has "
            "exactly these bytes. Its manifest alone does not show it."
        )
    match reading.state:
        case ManifestState.TRUSTED if own and known:
            return (
                f"This {what} was delivered by this service on {_day(known.sealed_at)}. "
                "It has not been changed since."
            )
        case ManifestState.TRUSTED if own:
            return (
                f"This {what} was sealed by this service{_on(reading)}. "
                "Its picture and sound have not been changed since."
            )
        case ManifestState.TRUSTED:
            return (
                f"This {what} was sealed{_on(reading)} by {_name(reading)}, whom this service trusts. "
                "Its picture and sound have not been changed since."
            )
        case ManifestState.VALID if reading.revoked_since:
            return (
                f"This {what} was not changed since it was sealed, but the certificate of the seal is revoked"
                f"{_since(reading)}: another person may have made this seal."
            )
        case ManifestState.VALID if reading.note == NO_REVOCATIONS:
            return (
                f"This {what} was not changed since it was sealed, but this service cannot check at the "
                "moment whether the certificate of the seal is revoked."
            )
        case ManifestState.VALID:
            return (
                f"The manifest of this {what} is valid: picture and sound were not changed since it was "
                f"sealed. But its issuer, {_name(reading)}, is not on this service's list of trusted "
                "issuers: anyone can create such a seal."
            )
        case ManifestState.INVALID:
            return _invalid(reading, what)
        case ManifestState.ABSENT:
            return _absent(reading, what)
        case _:
            return f"The {what} could not be read, so no manifest was found. {_NO_CONCLUSION}"


def _invalid(reading: ManifestReport, what: str) -> str:
    codes = set(reading.failures)
    if codes & set(_CONTENT):
        return f"The {what} was changed after it was sealed. Its manifest does not describe this {what}."
    if codes and codes <= {*_CREDENTIAL, "signingCredential.untrusted"}:
        return (
            f"The {what} has a seal whose certificate has expired, is not valid yet or is invalid. "
            "The signer cannot be determined from it."
        )
    return f"The manifest of this {what} was changed or damaged. None of its claims can be relied on."


def _absent(reading: ManifestReport, what: str) -> str:
    if reading.note == "format" and reading.media_type:
        return (
            "No manifest: this file type cannot contain one. A manifest in a file of its own is read only by "
            f"the command “safelight verify”. {_NO_CONCLUSION}"
        )
    if reading.note == "format":
        return f"No manifest: this file type cannot contain one. {_NO_CONCLUSION}"
    if reading.note == "remote":
        return f"No manifest: the {what} refers to a remote one, which was not fetched. {_NO_CONCLUSION}"
    return f"No manifest: ordinary tools remove it, even when they only copy a {what}. {_NO_CONCLUSION}"


def manifest(reading: ManifestReport, *, own: bool) -> dict[str, str]:
    """What the manifest claims, proves and does not prove."""
    match reading.state:
        case ManifestState.TRUSTED:
            signer = "this service" if own else _name(reading)
            return {
                "says": f"Sealed by {signer}{_on(reading)}{_confirmed(reading)}; "
                f"source: {_SOURCES.get(reading.source_type, reading.source_type or 'not given')}.",
                "proves": f"{signer[:1].upper()}{signer[1:]} signed this picture and sound, unchanged"
                f"{', not later than that time' if reading.time_trusted else ''}.",
                "does_not_prove": f"That the content is true or harmless, or when it was made"
                f"{'' if reading.time_trusted else _OWN_TIME}. "
                "Parts of the file without picture or sound are not covered.",
            }
        case ManifestState.VALID if reading.revoked_since:
            return {
                "says": f"Sealed with a certificate that is revoked{_since(reading)}.",
                "proves": "Picture and sound were not changed since the file was sealed.",
                "does_not_prove": "Who sealed it: since that day, another person may have had the key.",
            }
        case ManifestState.VALID if reading.note == NO_REVOCATIONS:
            return {
                "says": f"Sealed by {_name(reading)}{_on(reading)}.",
                "proves": "Picture and sound were not changed since the file was sealed.",
                "does_not_prove": "Who sealed it: whether the certificate is revoked cannot be checked now.",
            }
        case ManifestState.VALID:
            return {
                "says": f"Sealed by {_name(reading)}{_on(reading)}.",
                "proves": "Picture and sound were not changed since the file was sealed.",
                "does_not_prove": "Who sealed it: the issuer is not on this service's list of trusted "
                "issuers, and a seal can name anyone.",
            }
        case ManifestState.INVALID:
            return {
                "says": f"The manifest is invalid: {', '.join(reading.failures) or 'damaged'}.",
                "proves": "The file was changed after sealing, or the certificate is invalid.",
                "does_not_prove": "Who changed it, what was changed, or that its other claims were true.",
            }
        case _:
            return {
                "says": "No manifest could be read.",
                "proves": "Nothing.",
                "does_not_prove": "That the file was not generated, or does not come from here: "
                "re-encoding, most apps and copying into a new container remove a manifest.",
            }


def registry(registered: bool) -> dict[str, str]:
    """What the entry in the registry, or its absence, proves and does not prove."""
    if registered:
        return {
            "says": "The registry has exactly these bytes.",
            "proves": "Exactly this file was sealed here.",
            "does_not_prove": "Who made or passed on this copy.",
        }
    return {
        "says": "The registry has no file with exactly these bytes.",
        "proves": "This exact file is not in the registry.",
        "does_not_prove": "That it does not come from here: one changed byte, or an erased record, "
        "is enough.",
    }


def damaged_entry() -> dict[str, str]:
    """What a changed entry in the registry proves and does not prove."""
    return {
        "says": "The registry has an entry for exactly these bytes, but the entry is damaged, so it is not "
        "used.",
        "proves": "Nothing.",
        "does_not_prove": "That the file was sealed here, or was not: the operator can restore the entry.",
    }


def watermark_not_checkable() -> dict[str, str]:
    return {
        "says": "The watermark is not checkable here: only the service that made the file has the key.",
        "proves": "Nothing.",
        "does_not_prove": "That the file has a watermark, or has none.",
    }


def other_watermarks() -> dict[str, str]:
    return {
        "says": "Watermarks of other services, such as SynthID, cannot be checked here.",
        "proves": "Nothing.",
        "does_not_prove": "That the file has no watermark of another service.",
    }


def _noun(reading: ManifestReport) -> str:
    return "video" if reading.media_type.startswith("video/") else "file"


def _name(reading: ManifestReport) -> str:
    name = reading.issuer or reading.common_name
    return f"“{name}”" if name else "a signer without a name"


def _confirmed(reading: ManifestReport) -> str:
    return ", a time confirmed by a timestamp authority" if reading.time_trusted else ""


def _since(reading: ManifestReport) -> str:
    return f" since {_day(dt.datetime.fromisoformat(reading.revoked_since))}"


def _on(reading: ManifestReport) -> str:
    try:
        return f" on {_day(dt.datetime.fromisoformat(reading.signed_at or reading.generated_at))}"
    except ValueError:
        return ""


def _day(moment: dt.datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
