"""Decisions as pure functions: findings, coverage and context in, a verdict out. No I/O."""
