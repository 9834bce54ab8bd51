"""A scripted upstream for tests: a real HTTP server with the Videos API.

It fails as configured and counts the requests.
"""

from .scenario import Scenario, ScenarioRule, ScriptedAction, load_scenario
from .server import ScriptedUpstream

__all__ = ["Scenario", "ScenarioRule", "ScriptedAction", "ScriptedUpstream", "load_scenario"]
