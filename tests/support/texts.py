"""Texts as detectors of text get them."""

from __future__ import annotations

from safelight.detectors.protocol import MediaText, TextContent, TextDetector
from safelight.detectors.text.normalise import views
from safelight.policy.findings import Finding, TextSpan


def shown(text: str, at: float) -> MediaText:
    """Words in the picture, for a second."""
    return MediaText(text=text, confidence=0.9, frame=round(at * 10), start_s=at, end_s=at + 1)


def said(text: str, at: float) -> MediaText:
    """Words in the sound, for a second."""
    return MediaText(text=text, confidence=0.9, start_s=at, end_s=at + 1)


def content(text: str, field: str = "prompt", *, negated: bool = False) -> TextContent:
    return TextContent(field=field, text=text, views=views(text), negated=negated)


def findings(detector: TextDetector, text: str, field: str = "prompt") -> list[Finding]:
    return list(detector.inspect_text(content(text, field)))


def categories(detector: TextDetector, text: str) -> set[str]:
    return {finding.category for finding in findings(detector, text)}


def spans(finding: Finding) -> list[TextSpan]:
    return [one for one in finding.evidence if isinstance(one, TextSpan)]


def marked(finding: Finding, text: str) -> list[str]:
    """The words of the text that are evidence."""
    return [text[span.start : span.end] for span in spans(finding)]
