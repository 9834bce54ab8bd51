"""The page of strikes and bans, without a browser."""

from __future__ import annotations

from safelight.accounts import Role
from safelight.accounts.standing import Cause, Offence, Standings, Thresholds
from safelight.core.i18n import name_category
from safelight.core.ids import new_id
from support.console_server import ConsoleServer

from .conftest import SignIn

PAGE = "/review/standings"
THREAT = {"end_user": "ann", "reason": "Threatens <b>a neighbour</b>.", "threat_to_life": "yes"}


def test_strikes_are_listed_with_their_requests_and_the_names_of_their_categories(
    console: ConsoleServer, sign_in: SignIn
) -> None:
    offence = Offence(
        video_id=new_id("video"),
        account="key_1",
        end_user="<i>bob</i>",
        cause=Cause(category="violence/graphic"),
    )
    with console.database.transaction(console.server.tenant) as tx:
        Standings(console.database, Thresholds()).give(tx, offence)
    shown = sign_in(Role.REVIEWER).get(PAGE).text
    assert "&lt;i&gt;bob&lt;/i&gt;" in shown
    assert "violence/graphic" not in shown
    assert f'<a href="/videos/{offence.video_id}">{name_category("violence/graphic", "en")}</a>' in shown
    assert "Warned" in shown
    assert "Propose the ban" not in shown


def test_two_senior_people_ban_an_end_user_and_one_lifts_it(sign_in: SignIn) -> None:
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
