"""The explanation of a verdict as rows: step, category, evidence, cost, retry and next step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from safelight.web.translations import (
    Translations,
    format_decimal,
    list_checks,
    translate_category,
    translate_note,
)
from safelight_client.money import format_money


@dataclass(frozen=True, kw_only=True)
class ExplanationLine:
    """One row of the explanation: a label and its sentences."""

    label: str
    sentences: tuple[str, ...]
    #: True if the sentence is an identifier, which is shown in a monospaced font.
    code: bool = False
    href: str | None = None
    #: The identifier of what the link opens, shown small after it.
    id: str = ""
    #: True if the row lists the evidence that is highlighted in the prompt. The page emphasizes both
    #: together.
    about_highlights: bool = False


def explanation_lines(
    details: Mapping[str, Any], prompt: str, t: Translations, *, sentence: str = ""
) -> tuple[ExplanationLine, ...]:
    """The rows of the explanation. A detail that the explanation withholds has no row, nor has the next step
    if `sentence`, which stands above the rows, ends with it.
    """
    lines: list[ExplanationLine] = []
    if stage := details.get("stage"):
        has_name = t.has(f"steps.name.{stage}")
        lines.append(_line(t, "stage", t(f"steps.name.{stage}") if has_name else str(stage)))
    if categories := details.get("categories"):
        lines.append(
            _line(t, "category", t.join_list([translate_category(str(name), t) for name in categories]))
        )
    if rule := details.get("rule"):
        lines.append(_line(t, "rule", str(rule), code=True))
    locations = tuple(dict.fromkeys(_describe_findings(details, prompt, t)))
    if locations:
        marked = bool(prompt_spans(details))
        lines.append(
            ExplanationLine(label=t("explain.evidence"), sentences=locations, about_highlights=marked)
        )
    if not_checked := details.get("not_checked"):
        checks = [str(name).rpartition(" in ")[::2] for name in not_checked]
        lines.append(_line(t, "not_checked", list_checks(checks, t)))
    if notes := details.get("gap_notes"):
        sentences = tuple(translate_note(str(note), t) for note in notes)
        lines.append(ExplanationLine(label=t("explain.gap_notes"), sentences=sentences))
    if charged := details.get("charged"):
        lines.append(_line(t, "charged", format_charge(charged, t)))
    next_step = str(details.get("next_step") or "")
    is_said = bool(next_step) and sentence.endswith(next_step)
    retry = details.get("retry")
    action = retry.get("action") if isinstance(retry, Mapping) else retry
    advice = ""
    # After a retry by the gateway, `next_step` names its video.
    is_retried = "retried_as" in details
    if (
        details.get("action") != "hold"
        and not is_retried
        and not is_said
        and t.has(f"explain.retry_{action}")
    ):
        advice = t(f"explain.retry_{action}")
        # Both can begin alike; the longer one stands.
        if advice.startswith(next_step) or not next_step.startswith(re.split(r"[.。]", advice)[0]):
            lines.append(_line(t, "retry", advice))
    if next_step and not is_said and not advice.startswith(next_step):
        lines.append(_line(t, "next_step", next_step))
    appeal = details.get("appeal")
    if isinstance(appeal, str) and appeal.startswith("/") and not appeal.startswith("//"):
        link = t("explain.appeal_link")
        lines.append(ExplanationLine(label=t("explain.appeal"), sentences=(link,), href=appeal))
    return tuple(lines)


def support_lines(details: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Name and text of each support service that the explanation lists."""
    return tuple((str(line["name"]), str(line["text"])) for line in details.get("support") or ())


def prompt_spans(details: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Character ranges of the prompt that the evidence refers to."""
    return [
        (int(item["start"]), int(item["end"]))
        for item in _evidence_of(details)
        if item.get("type") == "text" and item.get("field") == "prompt"
    ]


def _evidence_of(details: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for finding in details.get("evidence") or ():
        yield from finding.get("evidence") or ()


def _describe_findings(details: Mapping[str, Any], prompt: str, t: Translations) -> Iterator[str]:
    for finding in details.get("evidence") or ():
        evidence = list(finding.get("evidence") or ())
        # The name of the list is shown only if the finding has no place in the content.
        places = [item for item in evidence if item.get("type") != "match"] or evidence
        locations = [_describe_location(item, prompt, t) for item in places]
        reason, in_english = t.translate_finding(str(finding.get("reason") or ""))
        reason = reason.rstrip(".。")
        if in_english and reason.isascii():
            # A reason without a translation, such as that of a plugin: the category is named instead.
            reason = translate_category(str(finding.get("category") or ""), t)
        location = t.join_list([place for place in dict.fromkeys(locations) if place])
        if reason and location:
            yield t("explain.finding", reason=reason, location=location)
        elif reason or location:
            yield reason or location


def format_charge(charge: Any, t: Translations) -> str:
    """Whether the generator charged for the request, and the source of that information."""
    if not isinstance(charge, Mapping):
        return t("explain.charged_no") if charge in (False, "no") else t("explain.charged_unknown")
    upstream = charge.get("upstream", charge.get("charged"))
    amount = charge.get("amount")
    match upstream:
        case "no":
            sentence = t("explain.charged_no")
        case "yes" if amount is not None:
            cost = format_money(float(amount), str(charge.get("currency") or "USD"))
            sentence = t("explain.charged_yes", amount=cost)
        case "yes":
            sentence = t("explain.charged_yes_unknown")
        case _:
            sentence = t("explain.charged_unknown")
    source = charge.get("source")
    return (
        f"{sentence} {t('explain.charged_source', source=source)}"
        if source and upstream != "no"
        else sentence
    )


def _line(t: Translations, key: str, sentence: str, *, code: bool = False) -> ExplanationLine:
    return ExplanationLine(label=t(f"explain.{key}"), sentences=(sentence,), code=code)


def _describe_location(item: Mapping[str, Any], prompt: str, t: Translations) -> str:
    match item.get("type"):
        case "text" if item.get("field") == "prompt":
            return t("explain.in_prompt", words=prompt[int(item["start"]) : int(item["end"])])
        case "text":
            return t("explain.in_field", field=item["field"], start=item["start"], end=item["end"])
        case "frames" if item["first"] == item["last"]:
            return t("scan.in_frame", frame=item["first"], at=format_decimal(item["start_s"]))
        case "frames":
            return t(
                "explain.in_frames",
                first=item["first"],
                last=item["last"],
                start=format_decimal(item["start_s"]),
                end=format_decimal(item["end_s"]),
            )
        case "time":
            return t(
                "explain.in_audio", start=format_decimal(item["start_s"]), end=format_decimal(item["end_s"])
            )
        case "box":
            return t("explain.in_image", field=item.get("field") or "")
        case "match":
            return t("explain.in_list", list=item["list"])
    return ""
