"""Child processes without network and privileges; untrusted files are opened only in them."""
