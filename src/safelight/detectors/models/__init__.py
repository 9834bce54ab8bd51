"""Models that an installation names: from a folder or a hub, in a process of their own."""
