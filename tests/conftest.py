"""What every test may ask for."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# The plugins beside this file; tests are imported by path and are no package.
sys.path.insert(0, str(Path(__file__).resolve().parent))
# Measurements have samples among the tests; last, so that it hides nothing.
sys.path.append(str(Path(__file__).resolve().parent.parent))

pytest_plugins = ["support.optional_tools", "support.databases", "support.object_stores", "support.sandboxes"]

# How fast examples are made says something about the machine, and nothing about what must hold.
settings.register_profile("anywhere", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anywhere")
