"""The page of strikes and bans, without a browser."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from safelight.i18n import name_category
from safelight.ids import new_id
from safelight.trust.accounts import Principal, Role
from safelight.trust.standing import Cause, Offence, Standings, Thresholds
from support.console_server import ConsoleServer

from .test_people_pages import enrol, open_browser, operator

__all__ = ["open_browser", "operator"]

PAGE = "/review/standings"
THREAT = {"end_user": "ann", "reason": "Threatens <b>a neighbour</b>.", "threat_to_life": "yes"}


@pytest.fixture
def sign_in(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> Callable[[Role], httpx.Client]:
    """Enrols a new person with this role, who is signed in."""

    def make(role: Role) -> httpx.Client:
        client = open_browser()
        enrol(console.people, operator, client, role)
        return client

    return make


def test_strikes_are_listed_with_their_requests(
    console: ConsoleServer, sign_in: Callable[[Role], httpx.Client]
) -> None:
    video = new_id("video")
    with console.database.transaction(console.server.tenant) as tx:
        Standings(console.database, Thresholds()).give(
            tx,
            Offence(video_id=video, account="key_1", end_user="<i>bob</i>", cause=Cause(category="hate")),
        )
    shown = sign_in(Role.REVIEWER).get(PAGE).text
    assert "&lt;i&gt;bob&lt;/i&gt;" in shown
    assert f'href="/videos/{video}"' in shown
    assert "Warned" in shown
    assert "Propose the ban" not in shown


def test_the_category_of_a_strike_is_shown_by_its_name(
    console: ConsoleServer, sign_in: Callable[[Role], httpx.Client]
) -> None:
    offence = Offence(
        video_id=new_id("video"), account="key_1", end_user="cem", cause=Cause(category="violence/graphic")
    )
    with console.database.transaction(console.server.tenant) as tx:
        Standings(console.database, Thresholds()).give(tx, offence)
    shown = sign_in(Role.REVIEWER).get(PAGE).text
    assert "violence/graphic" not in shown
    assert f'<a href="/videos/{offence.video_id}">{name_category("violence/graphic", "en")}</a>' in shown


def test_two_senior_people_ban_an_end_user_and_one_lifts_it(
    sign_in: Callable[[Role], httpx.Client],
) -> None:
    ada, ben = sign_in(Role.SENIOR_REVIEWER), sign_in(Role.TRUST_LEAD)
    assert sign_in(Role.REVIEWER).post(f"{PAGE}/bans", data=THREAT).status_code == 403
    refused = ada.post(f"{PAGE}/bans", data={"end_user": "ann", "reason": "Annoys me."})
    assert refused.status_code == 409
    assert "a ban needs 15" in refused.text
    refused = ada.post(f"{PAGE}/bans", data=THREAT | {"reason": ""})
    assert refused.status_code == 400
    assert 'name="threat_to_life" value="yes" checked' in refused.text
    assert ada.post(f"{PAGE}/bans", data=THREAT).status_code == 303
    shown = ada.get(PAGE).text
    assert "&lt;b&gt;a neighbour&lt;/b&gt;" in shown
    assert 'value="confirm"' not in shown
    path = next(part for part in shown.split('"') if part.startswith(f"{PAGE}/bans/"))
    assert ada.post(path, data={"action": "confirm"}).status_code == 403
    assert ben.post(path, data={"action": "confirm"}).status_code == 303
    assert "Banned" in ben.get(PAGE).text
    assert ben.post(path, data={"action": "lift", "reason": "It was a film."}).status_code == 303
    assert "Banned" not in ben.get(PAGE).text


def test_a_person_without_the_scope_gets_no_page(sign_in: Callable[[Role], httpx.Client]) -> None:
    assert sign_in(Role.CREATOR).get(PAGE).status_code == 403
