"""Compares faces with consents and protected people. Templates of other people are not kept."""
