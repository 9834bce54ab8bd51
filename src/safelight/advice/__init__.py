"""Advice for prompts that our policy allows: documented provider rules and a checklist of ten points.

Nothing here makes a verdict. All rules are written by hand; none states how often a provider refuses.
"""
