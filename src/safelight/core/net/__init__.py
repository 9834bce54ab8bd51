"""Sends every outgoing request, with protection against SSRF."""
