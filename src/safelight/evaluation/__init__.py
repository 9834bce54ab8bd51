"""Data sets, metrics, runs and reports with intervals."""
