"""The figures of the checks for a tenant, from what people decided."""

from __future__ import annotations

from safelight.accounts import KeyScope
from safelight.cases.quality import CheckFigures
from safelight.cases.quality.figures import QualityFigures
from safelight.web.operations import Operations

operations = Operations(
    "/v1/quality", tag="reviews", scopes=(KeyScope.POLICY,), of=lambda services: services.check_figures
)


def show_figures(figures: QualityFigures) -> QualityFigures:
    return figures


operations.add(
    "GET /figures",
    "Right and missed by category, and proposed points, from what people decided",
    CheckFigures.figures,
    400,
    shows=show_figures,
)
