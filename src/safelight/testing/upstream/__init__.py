"""A scripted upstream: a real HTTP server that speaks the Videos API and misbehaves as told, and counts."""

from __future__ import annotations

from .scenario import Scenario, ScenarioRule, ScriptedAction, load_scenario
from .server import ScriptedUpstream

__all__ = ["Scenario", "ScenarioRule", "ScriptedAction", "ScriptedUpstream", "load_scenario"]
