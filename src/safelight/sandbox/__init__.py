"""Child processes without network or privileges, in which untrusted bytes are opened."""
