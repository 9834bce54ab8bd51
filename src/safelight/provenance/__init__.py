"""Where a file came from: C2PA manifests, certificates, the registry of seals."""
