"""A graded explanation in plain words: what happened, what it rests on, what it cost, what now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .formatting import category_name, decimal, money
from .translations import Translations


@dataclass(frozen=True, kw_only=True)
class ExplanationLine:
    """One row of the explanation: a label and its sentences."""

    label: str
    sentences: tuple[str, ...]
    #: For an identifier: set in mono.
    code: bool = False
    href: str | None = None
    #: What the marks in the prompt stand for: lights up together with them.
    marked: bool = False


def lines(details: Mapping[str, Any], prompt: str, words: Translations) -> tuple[ExplanationLine, ...]:
    """The explanation's rows, in the order people ask. What the explanation withholds is not there."""
    found: list[ExplanationLine] = []
    if stage := details.get("stage"):
        known = words.has(f"way.step.{stage}")
        found.append(_line(words, "stage", words(f"way.step.{stage}") if known else str(stage)))
    if categories := details.get("categories"):
        found.append(
            _line(words, "category", words.listed([category_name(str(name), words) for name in categories]))
        )
    if rule := details.get("rule"):
        found.append(_line(words, "rule", str(rule), code=True))
    places = tuple(dict.fromkeys(_places(details, prompt, words)))
    if places:
        marked = bool(spans(details))
        found.append(ExplanationLine(label=words("explain.evidence"), sentences=places, marked=marked))
    if missing := details.get("not_checked"):
        found.append(_line(words, "not_checked", words.listed([str(name) for name in missing])))
    if charged := details.get("charged"):
        found.append(_line(words, "charged", charge_sentence(charged, words)))
    retry = details.get("retry")
    how = retry.get("how") if isinstance(retry, Mapping) else retry
    if words.has(f"explain.retry_{how}"):
        found.append(_line(words, "retry", words(f"explain.retry_{how}")))
    if next_step := details.get("next_step"):
        found.append(_line(words, "next_step", str(next_step)))
    appeal = details.get("appeal")
    if isinstance(appeal, str) and appeal.startswith("/") and not appeal.startswith("//"):
        link = words("explain.appeal_link")
        found.append(ExplanationLine(label=words("explain.appeal"), sentences=(link,), href=appeal))
    return tuple(found)


def support(details: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Help lines, name and text, where the explanation has them."""
    return tuple((str(line["name"]), str(line["text"])) for line in details.get("support") or ())


def spans(details: Mapping[str, Any]) -> list[tuple[int, int]]:
    """The characters of the prompt that the explanation rests on."""
    return [
        (int(piece["start"]), int(piece["end"]))
        for piece in _pieces(details)
        if piece.get("type") == "text" and piece.get("field") == "prompt"
    ]


def _pieces(details: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for finding in details.get("evidence") or ():
        yield from finding.get("evidence") or ()


def _places(details: Mapping[str, Any], prompt: str, words: Translations) -> Iterator[str]:
    for finding in details.get("evidence") or ():
        places = [_piece(piece, prompt, words) for piece in finding.get("evidence") or ()]
        reason = str(finding.get("reason") or "").rstrip(".")
        if words.tag != "en" and reason.isascii():
            # What detectors say is English; the category says it in the reader's language.
            reason = category_name(str(finding.get("category") or ""), words)
        where = words.listed([place for place in dict.fromkeys(places) if place])
        if reason and where:
            yield words("explain.finding", reason=reason, where=where)
        elif reason or where:
            yield reason or where


def charge_sentence(charge: Any, words: Translations) -> str:
    """What the generator took, and who says so."""
    if not isinstance(charge, Mapping):
        return words("explain.charged_no") if charge in (False, "no") else words("explain.charged_unknown")
    upstream = charge.get("upstream", charge.get("charged"))
    amount = charge.get("amount")
    match upstream:
        case "no":
            sentence = words("explain.charged_no")
        case "yes" if amount is not None:
            cost = money(float(amount), str(charge.get("currency") or "USD"))
            sentence = words("explain.charged_yes", amount=cost)
        case "yes":
            sentence = words("explain.charged_yes_unknown")
        case _:
            sentence = words("explain.charged_unknown")
    source = charge.get("source")
    return (
        f"{sentence} {words('explain.charged_source', source=source)}"
        if source and upstream != "no"
        else sentence
    )


def _line(words: Translations, key: str, sentence: str, *, code: bool = False) -> ExplanationLine:
    return ExplanationLine(label=words(f"explain.{key}"), sentences=(sentence,), code=code)


def _piece(piece: Mapping[str, Any], prompt: str, words: Translations) -> str:
    match piece.get("type"):
        case "text" if piece.get("field") == "prompt":
            return words("explain.in_prompt", words=prompt[int(piece["start"]) : int(piece["end"])])
        case "text":
            return words("explain.in_field", field=piece["field"], start=piece["start"], end=piece["end"])
        case "frames" if piece["first"] == piece["last"]:
            return words("scan.in_frame", frame=piece["first"], at=decimal(piece["start_s"]))
        case "frames":
            return words(
                "explain.in_frames",
                first=piece["first"],
                last=piece["last"],
                start=decimal(piece["start_s"]),
                end=decimal(piece["end_s"]),
            )
        case "time":
            return words("explain.in_sound", start=decimal(piece["start_s"]), end=decimal(piece["end_s"]))
        case "box":
            return words("explain.in_picture", field=piece.get("field") or "")
        case "match":
            return words("explain.in_list", list=piece["list"])
    return ""
