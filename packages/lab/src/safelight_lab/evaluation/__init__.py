"""Evaluation: data sets, attacks, metrics, and reports with confidence intervals."""
