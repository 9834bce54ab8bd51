"""Paths that installed packages import (docs/extending.md). What they name is in `providers`."""
