"""Rewordings of what was blocked: known again, and looked at as closely as the block was.

The models need no database: `safelight check` loads them and nothing else of this.
"""
