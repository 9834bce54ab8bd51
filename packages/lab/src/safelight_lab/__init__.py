"""Evaluation, training and simulation: what measures and trains detectors. A gateway does not need it."""
