"""Untrusted bytes: probed, walked, encoded, only in a sandboxed child."""
