"""What the adapters of remote generators share: connections, submissions, downloads, failures."""
