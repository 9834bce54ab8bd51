"""Settings of outgoing mail."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from .addresses import is_loopback
from .section import Section

#: The ports that mail providers document for each kind of protection.
_DEFAULT_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailSettings(Section):
    host: str | None = Field(
        default=None, description="SMTP server. Default: no mail is sent, and links are shown instead."
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Its port. Default: 587 for `starttls`, 465 for `tls`, 25 for `none`.",
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="`starttls`: a connection that becomes encrypted; `tls`: encrypted from the start; "
        "`none`: not encrypted, for a server on this machine only.",
    )
    user: str = Field(default="", description="Account at the server. Empty: no sign-in.")
    password: str = Field(
        default="", description="Its password. Set it in the environment, not in the settings file."
    )
    sender: str = Field(default="", description="Address in the field From; required if `host` is set.")

    @property
    def effective_port(self) -> int:
        return self.port or _DEFAULT_PORTS[self.security]

    @model_validator(mode="after")
    def _check_combinations(self) -> MailSettings:
        if self.host is None:
            return self
        if "@" not in self.sender or not self.sender.isprintable():
            raise ValueError("set mail.sender to the e-mail address from which mail is sent")
        if bool(self.user) != bool(self.password):
            raise ValueError("set both mail.user and mail.password, or neither of them")
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(
                'mail.security = "none" is accepted only for a server on this machine, because links in mail '
                'are secret: use "starttls" or "tls"'
            )
        return self
