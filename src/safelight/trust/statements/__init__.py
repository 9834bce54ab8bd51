"""Statements of reasons: every decision is explained to the person whom it concerns."""

from __future__ import annotations

from .grounds import NO_GROUND, ground_of_category, ground_of_verdict
from .models import (
    OBJECTION_S,
    DecisionGround,
    GroundBasis,
    NewStatement,
    Objection,
    Statement,
    StatementKind,
    StatementSource,
)
from .service import StatementPage, StatementQuery, Statements, find_readable, of_own_reporters
from .store import erase_reasons, record_statement, statement_from_row
from .text import StatementText, describe

__all__ = [
    "NO_GROUND",
    "OBJECTION_S",
    "DecisionGround",
    "GroundBasis",
    "NewStatement",
    "Objection",
    "Statement",
    "StatementKind",
    "StatementPage",
    "StatementQuery",
    "StatementSource",
    "StatementText",
    "Statements",
    "describe",
    "erase_reasons",
    "find_readable",
    "ground_of_category",
    "ground_of_verdict",
    "of_own_reporters",
    "record_statement",
    "statement_from_row",
]
