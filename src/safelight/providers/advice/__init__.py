"""Advice on prompts that our policy allows: documented provider rules and a checklist of ten points.

Advice never changes a verdict. All rules are written by hand; no rule states how often a provider refuses.
"""
