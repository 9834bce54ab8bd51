"""The route table of the console."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from safelight.accounts import KeyScope
from safelight.cases.incidents import READERS, WRITERS
from safelight.cases.vault import COUNTERS
from safelight.cases.vault_alerts import PATH
from safelight.core.errors import SafelightError
from safelight.web.auth import AppState, Endpoint, check_same_origin, public
from safelight.web.request_body import read_body
from safelight.web.translations import COOKIE as LANGUAGE_COOKIE
from safelight.web.translations import load_languages

from .access_pages import AccessPages
from .account_terms_pages import AccountTermsPages
from .appeal_pages import AppealPages, StatementPages
from .applicant_pages import ApplicantPages
from .attempts_pages import AttemptsPages
from .bulk_pages import BulkPages
from .compliance_pages import CompliancePages
from .consent_pages import ConsentAnswerPages, ConsentPages
from .coverage_pages import CoveragePages
from .gate_pages import GatePages
from .incident_pages import IncidentPages
from .log_pages import LogPages
from .login import InvitationPages, Login, OpenIdPages, local_path
from .notice_pages import NoticePages
from .page_address import find_page_above
from .people_pages import AccountPages, PeoplePages
from .policy_pages import PolicyPages
from .provider_error_pages import ProviderErrorPages
from .render import PREFERENCE_TTL_S, THEME_COOKIE, THEMES, PageHandler, Pages
from .reply_pages import ReplyPages
from .review_pages import ReviewPages
from .review_queue_pages import QualityPages, ReviewQueuePages
from .services import ConsoleServices
from .settings_pages import SettingsPages
from .standing_pages import OwnStandingPages, StandingPages
from .studio_pages import AdvicePages, StudioPages, TryPages
from .template_pages import LibraryPages, TemplatePages
from .vault_pages import VaultPages
from .verify_pages import FeedbackPages, VerifyPages
from .video_pages import VideoListPages, VideoPages

_log = logging.getLogger(__name__)
#: Most cases need the scope `review`, quarantined ones the scope `vault`.
DECIDER = (KeyScope.REVIEW, KeyScope.VAULT)


class Console:
    """The routes of all web pages. The pages use the same services and principals as the API."""

    def __init__(self, state: AppState, services: ConsoleServices) -> None:
        self._state = state
        self._services = services
        self._pages = Pages(state, compliance_menu=services.compliance_menu)
        self._handler = PageHandler(state, self._pages, services)

    def mount(self, app: FastAPI) -> None:
        """Add the pages to the app."""
        services = (self._state, self._pages, self._services)
        protected = self._handler.protected
        for_deciders = partial(protected, any_of=DECIDER)
        login, studio, video_list = (
            Login(*services),
            StudioPages(*services),
            VideoListPages(*services),
        )
        videos, verify, provider_errors = (
            VideoPages(*services),
            VerifyPages(*services),
            ProviderErrorPages(*services),
        )
        review, coverage = ReviewPages(*services), CoveragePages(*services)
        replies, bulk = ReplyPages(*services), BulkPages(*services)
        review_queue, quality = ReviewQueuePages(*services), QualityPages(*services)
        appeals, advice = AppealPages(*services), AdvicePages(*services)
        statements = StatementPages(*services)
        attempts, tries = AttemptsPages(*services), TryPages(*services)
        templates, library = TemplatePages(*services), LibraryPages(*services)
        people, account, invitation = (
            PeoplePages(*services),
            AccountPages(*services),
            InvitationPages(*services),
        )
        openid = OpenIdPages(self._state, self._services, login)
        consents, consent_answers = ConsentPages(*services), ConsentAnswerPages(*services)
        notices, feedback = NoticePages(*services), FeedbackPages(*services)
        standings, compliance = StandingPages(*services), CompliancePages(*services)
        own_standing, applicants = OwnStandingPages(*services), ApplicantPages(*services)
        log, rollout = LogPages(*services), GatePages(*services)
        incidents, lane = IncidentPages(*services), VaultPages(*services)
        access, terms = AccessPages(*services), AccountTermsPages(*services)
        settings, policies = SettingsPages(*services), PolicyPages(*services)
        read, write, admin, policy_scope = (
            KeyScope.VIDEOS_READ,
            KeyScope.VIDEOS_WRITE,
            KeyScope.ADMIN,
            KeyScope.POLICY,
        )
        routes: dict[str, Endpoint] = {
            "GET /": protected(studio.show, any_of=(read, KeyScope.AUDIT)),
            "POST /": protected(studio.create, write),
            "POST /check": protected(studio.check, KeyScope.CHECKS),
            "GET /videos": protected(video_list.show, read),
            "GET /videos/{video_id}": protected(videos.show, read),
            "POST /videos/{video_id}/scan": protected(videos.scan_again, write),
            "GET /videos/{video_id}/report": protected(videos.report_form, read),
            "POST /videos/{video_id}/report": protected(videos.report, read),
            "GET /videos/{video_id}/appeal": protected(appeals.show, read),
            "POST /videos/{video_id}/appeal": protected(appeals.appeal, read),
            "GET /appeal": public(appeals.show_link),
            "POST /appeal": public(appeals.appeal_by_link),
            "GET /videos/{video_id}/statements": protected(statements.show, read),
            "GET /advice": protected(advice.show, KeyScope.CHECKS),
            "POST /advice": protected(advice.check, KeyScope.CHECKS),
            "POST /advice/try": protected(tries.create, KeyScope.CHECKS, write),
            "GET /advice/try/{video_id}": protected(tries.show, read),
            "POST /advice/try/{video_id}": protected(tries.create_full, read, write),
            "GET /attempts": protected(attempts.show, read),
            "GET /attempts/{attempt_id}": protected(attempts.show_one, read),
            "GET /templates": protected(templates.list, read),
            "POST /templates": protected(templates.add, write),
            "GET /templates/{name}": protected(templates.show, read),
            "POST /templates/{name}": protected(templates.use, read),
            "POST /templates/{name}/{version}": protected(templates.change, read),
            "GET /library": protected(library.show, read),
            "POST /library": protected(library.add, write),
            "GET /library/{entry_id}": protected(library.show_one, read),
            "POST /library/{entry_id}/remove": protected(library.remove, write),
            "GET /verify": public(verify.show),
            "POST /verify": public(verify.verify),
            "GET /verify/feedback": public(feedback.show_thanks),
            "POST /verify/feedback": public(feedback.send),
            "GET /report": public(notices.show),
            "POST /report": public(notices.report),
            "GET /report/intimate": public(notices.show_intimate),
            "POST /report/intimate": public(notices.report_intimate),
            "GET /report/{token}": public(notices.show_status),
            "POST /report/{token}": public(notices.change_contact),
            "GET /explain-error": public(provider_errors.show),
            "POST /explain-error": public(provider_errors.explain),
            "GET /review": for_deciders(review.list_cases),
            "POST /review/pages/{report_id}": protected(review.place, KeyScope.REVIEW),
            "POST /review/next": for_deciders(review_queue.take_next),
            "GET /review/standings": protected(standings.show, KeyScope.REVIEW),
            "POST /review/standings/bans": protected(standings.propose, KeyScope.REVIEW),
            "POST /review/standings/bans/{ban_id}": protected(standings.change, KeyScope.REVIEW),
            "GET /review/quality": for_deciders(quality.show),
            "POST /review/quality/golden": protected(quality.add_golden, policy_scope),
            "POST /review/quality/golden/{golden_id}": protected(quality.retire_golden, policy_scope),
            "POST /review/quality/samples": protected(quality.draw, policy_scope),
            "POST /review/declined": for_deciders(review_queue.accept),
            "GET /review/replies": protected(replies.show, any_of=(*DECIDER, policy_scope)),
            "POST /review/replies": protected(replies.save, policy_scope),
            "POST /review/replies/{name}/remove": protected(replies.remove, policy_scope),
            "GET /review/{case_id}": for_deciders(review.show_case),
            "GET /review/{case_id}/same": for_deciders(bulk.show),
            "POST /review/{case_id}/same": for_deciders(bulk.decide),
            "GET /review/same/{bulk_id}": for_deciders(bulk.show_done),
            "POST /review/same/{bulk_id}/undo": for_deciders(bulk.undo),
            "GET /review/{case_id}/person": for_deciders(review.show_person),
            "POST /review/{case_id}": for_deciders(review.decide),
            "POST /review/{case_id}/lease": for_deciders(review_queue.extend_lease),
            "POST /review/{case_id}/skip": for_deciders(review.skip),
            "POST /review/{case_id}/decline": for_deciders(review_queue.decline),
            "POST /review/{case_id}/switches": for_deciders(review_queue.switch),
            "POST /review/{case_id}/escalate": for_deciders(review.escalate),
            "POST /review/{case_id}/override": for_deciders(review.override),
            "POST /review/{case_id}/undo": for_deciders(review.undo),
            "POST /review/{case_id}/reserve-next": for_deciders(review_queue.reserve_next),
            "POST /review/{case_id}/release": for_deciders(review_queue.release),
            "POST /review/{case_id}/reveal": for_deciders(review_queue.reveal),
            "POST /review/{case_id}/sound": for_deciders(review_queue.listen),
            "POST /review/{case_id}/hide": for_deciders(review_queue.hide),
            "GET /compliance": protected(compliance.show, any_of=(read, KeyScope.AUDIT)),
            "POST /compliance": protected(compliance.halt, any_of=(admin, policy_scope)),
            "GET /compliance/accounts": protected(terms.show, admin),
            "POST /compliance/accounts": protected(terms.save, admin),
            "GET /compliance/log": protected(log.show, any_of=(KeyScope.AUDIT, KeyScope.POLICY)),
            "GET /compliance/rollout": protected(rollout.show, any_of=(admin, policy_scope, KeyScope.AUDIT)),
            "POST /compliance/rollout": protected(rollout.change, any_of=(admin, policy_scope)),
            "GET /compliance/incidents": protected(incidents.show, any_of=READERS),
            "POST /compliance/incidents": protected(incidents.open, any_of=WRITERS),
            "GET /compliance/incidents/{incident_id}": protected(incidents.show_one, any_of=READERS),
            "POST /compliance/incidents/{incident_id}": protected(incidents.change, any_of=WRITERS),
            f"GET {PATH}": protected(lane.show, any_of=COUNTERS),
            f"POST {PATH}/{{entry_id}}": protected(lane.decide, KeyScope.VAULT),
            "GET /compliance/access": protected(access.show, admin),
            "POST /compliance/access/{request_id}": protected(access.decide, admin),
            "GET /access": public(applicants.show),
            "POST /access": public(applicants.ask),
            "POST /access/key": public(applicants.collect),
            "GET /coverage": protected(coverage.show, any_of=(read, KeyScope.AUDIT)),
            "POST /coverage": protected(coverage.set_point, policy_scope),
            "GET /policy": protected(policies.show, any_of=(policy_scope, KeyScope.AUDIT)),
            "POST /policy": protected(policies.act, policy_scope),
            "GET /settings": protected(settings.show, admin),
            "POST /settings/keys": protected(settings.create_key, admin),
            "POST /settings/keys/{key_id}/revoke": protected(settings.revoke_key, admin),
            "POST /settings/webhooks": protected(settings.create_webhook, admin),
            "POST /settings/webhooks/{endpoint_id}": protected(settings.change_webhook, admin),
            "POST /settings/names": protected(settings.change_names, admin),
            "GET /settings/people": protected(people.show, KeyScope.PEOPLE),
            "POST /settings/people": protected(people.add, KeyScope.PEOPLE),
            "POST /settings/people/{person_id}": protected(people.change, KeyScope.PEOPLE),
            "GET /account": protected(account.show),
            "GET /account/standing": protected(own_standing.show, read),
            "GET /account/statements": protected(statements.show_own, read),
            "POST /account/language": protected(account.change_language),
            "POST /account/mails": protected(account.choose_mails, KeyScope.REVIEW),
            "POST /account/change": protected(account.change_proofs),
            "POST /account/sessions/{session_id}/end": protected(account.end_session),
            "GET /invitation": public(invitation.show),
            "POST /invitation": public(invitation.accept),
            "GET /consents": protected(consents.show, read),
            "POST /consents": protected(consents.ask, write),
            "GET /consents/{consent_id}": protected(consents.show_one, read),
            "GET /consents/{consent_id}/frames": protected(consents.frames, KeyScope.REVIEW),
            "POST /consents/{consent_id}": protected(consents.decide, KeyScope.REVIEW),
            "GET /consent": public(consent_answers.show),
            "POST /consent": public(consent_answers.answer),
            "GET /consent/page": public(consent_answers.show_page),
            "POST /consent/page": public(consent_answers.withdraw),
            "GET /login": public(login.show),
            "POST /login": public(login.redeem),
            "GET /login/openid": public(openid.begin),
            "GET /login/openid/callback": public(openid.complete),
            "POST /login/openid/logout": public(openid.end_by_provider),
            "POST /logout": public(login.sign_out),
            "POST /theme": public(self.theme),
            "POST /language": public(self.language),
            "GET /static/{version}/{name}": public(self.static),
        }
        for route, endpoint in routes.items():
            method, path = route.split()
            app.router.routes.append(Route(path, endpoint, methods=[method]))

    async def theme(self, request: Request) -> Response:
        """Store the selected theme and return to the page."""
        return await self._store_preference(request, "theme", THEME_COOKIE, THEMES)

    async def language(self, request: Request) -> Response:
        """Store the selected language and return to the page."""
        return await self._store_preference(request, "language", LANGUAGE_COOKIE, tuple(load_languages()))

    async def static(self, request: Request) -> Response:
        return self._pages.static(request)

    async def error_page(
        self, request: Request, error: SafelightError | None, response: Response
    ) -> Response:
        """The error page, or its fragment for a script, if a page outside `/v1` was requested; otherwise the
        JSON `response`.
        """
        accept = request.headers.get("accept", "")
        is_page = "text/html" in accept or self._handler.wants_fragment(request)
        if request.url.path.startswith("/v1/") or not is_page:
            return response
        if response.status_code == 405 and request.method == "GET":
            # Only POST is possible here: lead to the page that has the form.
            return RedirectResponse(find_page_above(request), status_code=303)
        try:
            return await self._render_error_page(request, error, response)
        except Exception as failure:
            # Rendering the page reads the database for the banner. If that fails, return the JSON response.
            _log.error("The error page could not be rendered: %r", failure)
            return response

    async def _render_error_page(
        self, request: Request, error: SafelightError | None, response: Response
    ) -> Response:
        """The error with its request id and a next step."""
        status = response.status_code
        wait = response.headers.get("retry-after", "")
        values: dict[str, Any] = {"status": status, "kind": _error_kind(status), "error": error, "wait": wait}
        principal = await self._handler.current_principal(request)
        is_fragment = self._handler.wants_fragment(request)
        template = "error_fragment.html" if is_fragment else "error.html"
        page = await self._pages.render(request, template, values, principal=principal, status=status)
        for name in ("retry-after", "allow", "x-should-retry", "www-authenticate"):
            if name in response.headers:
                page.headers[name] = response.headers[name]
        return page

    async def _store_preference(
        self, request: Request, field: str, cookie: str, allowed: tuple[str, ...]
    ) -> Response:
        check_same_origin(request)
        async with read_body(request, self._state.services) as body:
            chosen = str(body.fields.get(field, ""))
            back = str(body.fields.get("back", "/"))
        response = RedirectResponse(local_path(back), status_code=303)
        if chosen in allowed:
            response.set_cookie(cookie, chosen, max_age=PREFERENCE_TTL_S, samesite="strict", path="/")
        return response


def _error_kind(status: int) -> str:
    allowed = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 410: "not_found", 429: "limited"}
    if status in allowed:
        return allowed[status]
    if status == 503:
        return "unavailable"
    return "input" if status < 500 else "fault"
