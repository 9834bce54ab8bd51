"""Decisions as pure functions: findings, coverage and context in, a verdict out; with the shipped documents."""
