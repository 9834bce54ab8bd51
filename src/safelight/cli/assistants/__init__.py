"""The MCP server: tools of assistants, which check prompts, explain errors and request videos within limits.

Only `server` imports the package `mcp`, which is optional.
"""
