"""The folder for ComfyUI's `custom_nodes`."""

from __future__ import annotations

from safelight_steer.comfyui import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
