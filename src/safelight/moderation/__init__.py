"""gather, decide, record: one module per stage."""
