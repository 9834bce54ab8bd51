"""Statements of reasons: every decision is explained to the person whom it concerns."""

from .grounds import NO_GROUND, ground_of_category, ground_of_verdict
from .models import (
    DecisionGround,
    GroundBasis,
    NewStatement,
    Objection,
    Statement,
    StatementKind,
    StatementSource,
)
from .reader import MAX_RESULTS, StatementQuery, Statements, find_readable, of_own_reporters
from .rows import OBJECTION_S, erase_reasons, record_statement, statement_from_row, statement_of_case
from .text import StatementText, describe, describe_objection, describe_reply

__all__ = [
    "MAX_RESULTS",
    "NO_GROUND",
    "OBJECTION_S",
    "DecisionGround",
    "GroundBasis",
    "NewStatement",
    "Objection",
    "Statement",
    "StatementKind",
    "StatementQuery",
    "StatementSource",
    "StatementText",
    "Statements",
    "describe",
    "describe_objection",
    "describe_reply",
    "erase_reasons",
    "find_readable",
    "ground_of_category",
    "ground_of_verdict",
    "of_own_reporters",
    "record_statement",
    "statement_from_row",
    "statement_of_case",
]
