"""Decisions as pure functions: findings, coverage and context in, a verdict out. And the shipped documents."""
