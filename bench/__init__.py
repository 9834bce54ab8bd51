"""Measurements: one module per claim, each a command that prints its figures. `make bench` runs them all."""
