"""The commands `safelight eval`, `train` and `simulate`."""
