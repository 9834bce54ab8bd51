"""Every outgoing request, with the rules against SSRF."""
