"""Whose face it is, as far as somebody gave a consent or is protected: and nobody else's."""
