"""Traces of videos, exported with OpenTelemetry if `tracing.endpoint` is set."""
