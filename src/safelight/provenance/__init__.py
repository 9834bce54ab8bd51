"""Origin of files: C2PA manifests, certificates, watermarks, fingerprints, recovery of the origin."""
