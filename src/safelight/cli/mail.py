"""`safelight mail`: outgoing mail."""

from __future__ import annotations

from typing import Annotated

import typer

from safelight.core.errors import SettingsError, Unavailable
from safelight.core.ids import new_id

from .commands import load_container
from .operations import Json
from .output import Exit, emit

app = typer.Typer(no_args_is_help=True)


# Keeps `test` a subcommand: an app with one command and no callback would have no subcommands.
app.callback()(lambda: None)


@app.command("test")
def send_test(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(help="The address to which the mail is sent.")],
    language: Annotated[
        str, typer.Option("--mail-language", help="Language of the mail: en, zh-Hant or zh-Hans.")
    ] = "en",
    as_json: Json = False,
) -> int:
    """Send one mail now and report what the server answered."""
    from safelight.accounts.mail import MailKind, NewMail, render_mail
    from safelight.app.mail import make_mail_client
    from safelight.core.net.mail_client import MailText

    container = load_container(ctx)
    client = make_mail_client(container.core.settings.mail)
    if client is None:
        raise SettingsError("No mail server is configured.", remedy="Set mail.host and mail.sender.")
    event = new_id("event")
    link = container.core.settings.server.public_url or "https://example.com/"
    mail = render_mail(NewMail(kind=MailKind.TEST, to=address, language=language, event=event, link=link))
    result = client.send(
        MailText(id=event, to=mail.to, subject=mail.subject, text=mail.text, language=mail.language)
    )
    if result.error:
        raise Unavailable(result.error, remedy="Check the settings mail.*, and see: safelight doctor")
    emit({"sent": True, "id": event}, as_json, f"The server accepted a mail to {mail.to}.")
    return Exit.OK
