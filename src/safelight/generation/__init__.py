"""Video generators, and the meaning of providers' errors."""
