"""What an outsider gets: the system card of an installation, and the evidence pack of a policy version."""
