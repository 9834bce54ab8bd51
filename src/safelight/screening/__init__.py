"""Screens prompts, references and clips: runs detectors, evaluates the policy, returns a verdict."""
