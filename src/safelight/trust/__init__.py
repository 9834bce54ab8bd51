"""Accounts, consents, reports, reviews, appeals, statements, strikes, ledger, seals, webhooks, audit log."""
