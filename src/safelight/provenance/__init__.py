"""Origin of files: C2PA manifests, certificates, the registry of seals."""
