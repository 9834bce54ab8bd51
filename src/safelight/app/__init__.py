"""The composition root: reads the settings and builds a `Container`."""
