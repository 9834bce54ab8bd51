"""Pure decisions: findings, coverage and context in, a verdict out. No I/O."""
