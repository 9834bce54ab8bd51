"""The composition root: reads the settings and builds a `Container`. The only package that reads settings."""
