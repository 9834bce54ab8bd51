"""Active canaries: prompts that have always passed are sent on a schedule, to find drift of a provider."""

from __future__ import annotations
