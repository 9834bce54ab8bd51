"""Recorder of behaviour: what the product answers through its public doors, as text to compare with later."""
