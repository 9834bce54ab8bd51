"""Whom a limit, a strike or a term applies to: the tenant, an account, or an end user."""

from __future__ import annotations

TENANT_SUBJECT = "tenant"
_ACCOUNT = "account:"
_END_USER = "end_user:"


def account_subject(principal_id: str) -> str:
    """The subject of an API key or a person."""
    return _ACCOUNT + principal_id


def end_user_subject(end_user: str) -> str:
    return _END_USER + end_user


def subjects_of(principal_id: str, end_user: str | None) -> tuple[str, ...]:
    """The subjects of a request, always in this order, so that two transactions cannot deadlock."""
    named = (end_user_subject(end_user),) if end_user else ()
    return (TENANT_SUBJECT, account_subject(principal_id), *named)


def split_subject(subject: str) -> tuple[str | None, str | None]:
    """The account and the end user of a subject; one of them, or none for the tenant."""
    if subject.startswith(_ACCOUNT):
        return subject.removeprefix(_ACCOUNT), None
    if subject.startswith(_END_USER):
        return None, subject.removeprefix(_END_USER)
    return None, None
