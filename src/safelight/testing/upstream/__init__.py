"""A scripted upstream: a real HTTP server that speaks the Videos API and misbehaves as told, and counts."""

from __future__ import annotations

from .scenario import Act, Rule, Scenario, load_scenario
from .server import ScriptedUpstream

__all__ = ["Act", "Rule", "Scenario", "ScriptedUpstream", "load_scenario"]
