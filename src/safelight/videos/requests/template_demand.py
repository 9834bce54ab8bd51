"""The demand of a policy for templates: whether a request meets it. Pure."""

from __future__ import annotations

from safelight.core.errors import TemplateRequired

from .request import AdmittedRequest, CreateRequest


def find_missing_template(request: CreateRequest, admitted: AdmittedRequest) -> TemplateRequired | None:
    """Why a request is refused by a policy that demands a template.

    None if the only text of the request is the prompt of an approved template.
    """
    if request.template is None or not request.template.approved:
        return TemplateRequired(
            "This team demands a template: each prompt is made from one that a second person has approved. "
            "Your prompt was not judged, and nothing was charged.",
            param="safelight.template",
            remedy="Choose one on the page Templates or with `safelight templates list`, and send its name "
            "and values.",
        )
    if request.retry is not None and (request.retry.variation or request.retry.varied):
        return TemplateRequired(
            "This team demands a template, so a retry cannot have another wording.",
            param="safelight.retry.variation",
            remedy="Leave the variation out.",
        )
    for field in sorted(admitted.texts.keys() - {"prompt"}):
        return TemplateRequired(
            f"This team demands a template, so {field} cannot be given: its text was not approved.",
            param=field,
            remedy=f"Leave {field} out.",
        )
    return None
