"""Decisions as pure functions of findings, coverage and context; with the shipped documents."""
