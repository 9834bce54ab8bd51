"""Shared by the HTTP API and the web pages: authentication, request bodies, errors, thread pool, services."""
