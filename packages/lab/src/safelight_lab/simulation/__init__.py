"""A simulated provider: its hidden filter, drift, charges and hanging requests, and prompts to try on it.

Every figure that is measured on it is about the simulation and not about a real provider.
"""
