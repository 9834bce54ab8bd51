"""Quality of reviews: golden cases, second reviews, and random samples of delivered videos."""

from .check_figures import CheckFigures
from .models import (
    MIN_PEOPLE,
    Draw,
    Golden,
    NewDraw,
    NewGolden,
    OwnAnswer,
    QualityPurpose,
    SamplingRule,
    StratumCounts,
    TeamAnswers,
)
from .results import QualityResults
from .sampler import QualitySampler
from .sampling import Stratum
from .service import Quality

__all__ = [
    "MIN_PEOPLE",
    "CheckFigures",
    "Draw",
    "Golden",
    "NewDraw",
    "NewGolden",
    "OwnAnswer",
    "Quality",
    "QualityPurpose",
    "QualityResults",
    "QualitySampler",
    "SamplingRule",
    "Stratum",
    "StratumCounts",
    "TeamAnswers",
]
