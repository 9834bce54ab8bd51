"""Builds the HTTP API and the web pages with their services."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from fastapi import FastAPI

import safelight
from safelight.accounts.access_requests import AccessLimits, AccountAccess
from safelight.accounts.policies import read_history
from safelight.accounts.standing import Bans
from safelight.accounts.statements import Statements
from safelight.accounts.tenant_log import TenantLog
from safelight.accounts.terms import AccountTerms
from safelight.detectors.list_origins import check_lists
from safelight.detectors.text.operator_lists import OperatorLists
from safelight.policy.replay import ReplayRecord
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.videos.quota import QuotaReader
from safelight.web.console.case_media import CaseMedia
from safelight.web.console.name_lists import NameListEditor
from safelight.web.console.services import ConsoleServices, OpenIdServices, PeopleServices, PolicyServices
from safelight.web.moderations_api import ModerationsApi
from safelight.web.services import ConsentServices, Services
from safelight.web.standing import StandingServices

from .asgi import build_app
from .container import Container


def make_app(container: Container) -> FastAPI:
    """The HTTP API with the web pages."""
    return build_app(make_services(container), make_console_services(container))


def make_services(container: Container) -> Services:
    core, persistence, pipeline = container.core, container.persistence, container.pipeline
    reads, correspondence = container.case_reads, container.correspondence
    database, server = persistence.database, core.settings.server
    return Services(
        videos=container.videos,
        accounts=persistence.accounts,
        waivers=lambda: persistence.waivers_in_force(persistence.tenant),
        taxonomy=core.taxonomy,
        moderation=ModerationsApi(
            pipeline=core.text_pipeline,
            scanner=core.scanner,
            fetcher=core.fetcher,
            scratch=persistence.data_directory.scratch,
            check_limiter=persistence.check_limiter,
            stages=pipeline.stages,
            policy_of=pipeline.policy_loader.load,
            max_clip_bytes=core.settings.scan.max_reference_mb << 20,
            stopping=core.shutdown_event,
        ),
        checks=container.checks,
        provenance=container.provenance.checks,
        soft_bindings=container.provenance.soft_bindings,
        spend=persistence.check_limiter.consume,
        reviews=container.decisions.reviews,
        bulk=container.decisions.bulk,
        review_queue=reads.review_queue,
        transcript_of=reads.transcript_of,
        case_events=reads.events,
        quality=reads.quality,
        quality_results=reads.quality_results,
        check_figures=reads.check_figures,
        saved_replies=reads.saved_replies,
        incidents=reads.incidents,
        halts=persistence.halts,
        vault=reads.vault,
        reports=correspondence.reports,
        appeals=correspondence.appeals,
        consents=ConsentServices(
            requests=correspondence.consent_requests, answers=correspondence.subject_answers
        ),
        public_url=server.public_url,
        statements=Statements(database),
        tenant_log=TenantLog(database),
        webhooks=persistence.webhooks,
        templates=container.templates,
        library=container.library,
        attempts=AttemptLog(database),
        drift=persistence.drift_history,
        standing=make_standing(container),
        gates=container.gates,
        generators=core.generators,
        demands_template=lambda tenant: persistence.active_policy(tenant).demands_template,
        scratch=persistence.data_directory.scratch,
        version=safelight.__version__,
        readiness=container.readiness.describe,
        loopback=server.loopback,
        redteam_challenge=server.redteam_challenge,
        gauges=container.gauges.read,
        refusal_budgets=pipeline.context.refusals.read,
        upstream_problems=container.readiness.upstream_problems,
        metrics_are_open=server.loopback and not server.behind_proxy,
        max_body_bytes=server.max_body_mb << 20,
        max_prompt_chars=server.max_prompt_characters,
    )


def make_standing(container: Container) -> StandingServices:
    pipeline, persistence = container.pipeline, container.persistence
    database, access = persistence.database, container.core.settings.access
    return StandingServices(
        standings=pipeline.standings,
        bans=Bans(database, pipeline.standings),
        terms=AccountTerms(database),
        access=AccountAccess(
            database,
            AccessLimits(accepts_requests=access.requests, requests_per_hour=access.requests_per_hour),
        ),
        quotas=QuotaReader(database, pipeline.quota),
        tenant=lambda: persistence.tenant,
    )


def make_console_services(container: Container) -> ConsoleServices:
    """Services that only the web pages use."""
    core, persistence = container.core, container.persistence
    database, scratch = persistence.database, persistence.data_directory.scratch
    people = persistence.people

    def replay_history(tenant: str) -> Iterator[ReplayRecord]:
        terms = [waiver.terms for waiver in persistence.waivers_in_force(tenant)]
        return read_history(database, waivers=terms, tenant=tenant)

    return ConsoleServices(
        policies=PolicyServices(
            published=persistence.policies, in_force=persistence.active_policy, history=replay_history
        ),
        people=PeopleServices(people=people.service, sign_in=people.sign_in),
        openid=None
        if people.openid is None
        else OpenIdServices(sign_in=people.openid, name=core.settings.openid.label),
        case_media=CaseMedia(
            database=database,
            store=container.pipeline.context.videos,
            blobs=persistence.blobs,
            sandbox=core.sandbox,
            scratch=scratch,
        ),
        exposure=container.case_reads.exposure,
        compliance_menu=core.settings.server.compliance_menu,
        settings=lambda: core.settings.model_dump(mode="json"),
        setting_sources=core.settings.sources,
        name_lists=NameListEditor(
            lists=OperatorLists(core.name_lists_folder),
            database=database,
            scratch=scratch,
            records=lambda: check_lists(
                core.list_folders, today=dt.datetime.fromtimestamp(database.clock(), dt.UTC).date()
            ),
            tenant=lambda: persistence.tenant,
        ),
        clock=database.clock,
    )
