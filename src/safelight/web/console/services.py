"""Services that only the console needs. If a service is None, the console does not offer its page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from safelight.accounts import Principal
    from safelight.accounts.openid import OpenIdSignIn
    from safelight.accounts.people import People, SignIn
    from safelight.accounts.policies import Policies
    from safelight.policy.documents import Policy
    from safelight.policy.replay import ReplayRecord
    from safelight.videos.case_rows import Case, CaseFile, ExposureLog
    from safelight.web.console.case_media import CaseFiles, PictureRequest, PictureSheet
    from safelight.web.console.name_lists import NameListEditor
    from safelight.web.console.sound_excerpt import SoundPart


@dataclass(frozen=True, kw_only=True)
class PolicyServices:
    published: Policies
    #: Returns the policy in force for a tenant.
    in_force: Callable[[str], Policy]
    #: Returns all past stage records of a tenant, to replay a policy.
    history: Callable[[str], Iterable[ReplayRecord]]


class ReviewMedia(Protocol):
    """The content of cases that is not released. See `CaseMedia`."""

    def list_files(self, principal: Principal, case_file: CaseFile) -> CaseFiles: ...

    def list_prompts(self, principal: Principal, cases: Iterable[Case]) -> Mapping[str, str]: ...

    def show(self, principal: Principal, case_file: CaseFile, asked: PictureRequest) -> PictureSheet: ...

    def play(self, principal: Principal, case_file: CaseFile, number: int, part: SoundPart) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class PeopleServices:
    people: People
    sign_in: SignIn


@dataclass(frozen=True, kw_only=True)
class OpenIdServices:
    sign_in: OpenIdSignIn
    #: The name of the provider on the sign-in page.
    name: str


@dataclass(frozen=True, kw_only=True)
class ConsoleServices:
    policies: PolicyServices | None = None
    people: PeopleServices | None = None
    openid: OpenIdServices | None = None
    #: Pictures and sound of cases; None if this server shows none.
    case_media: ReviewMedia | None = None
    #: Limits for how long a reviewer is shown pictures and sound; None if this server shows none.
    exposure: ExposureLog | None = None
    #: Returns the settings in force by section. The result may contain secrets.
    settings: Callable[[], Mapping[str, Any]] | None = None
    #: The source of each setting that is not a default, by its dotted name.
    setting_sources: Mapping[str, str] = field(default_factory=dict)
    #: Changes the name lists of the operator and records each change.
    name_lists: NameListEditor | None = None
    #: Returns Unix seconds from the clock that also sets expiry and due times.
    clock: Callable[[], float] = time.time
    #: Show the menu entry Compliance to every person.
    compliance_menu: bool = False
    #: Base URL of this server, used in examples.
    address: str = ""
