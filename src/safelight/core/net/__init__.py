"""Outgoing requests with protection against SSRF. Object stores and the client have their own connections."""
