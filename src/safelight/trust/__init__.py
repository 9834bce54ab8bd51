"""Accounts, consent, reports, reviews, appeals, strikes, audit."""
