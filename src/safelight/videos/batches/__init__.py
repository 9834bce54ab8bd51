"""Batches by API: many generation requests together, planned, run within a ceiling, and reported.

The rules are those of `safelight_client.batch`. Here the state is kept in the database and advanced by a
background part.
"""
