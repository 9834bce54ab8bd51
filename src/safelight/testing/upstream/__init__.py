"""A scripted upstream: a real HTTP server with the Videos API that fails as configured and counts
requests.
"""

from __future__ import annotations

from .scenario import Scenario, ScenarioRule, ScriptedAction, load_scenario
from .server import ScriptedUpstream

__all__ = ["Scenario", "ScenarioRule", "ScriptedAction", "ScriptedUpstream", "load_scenario"]
