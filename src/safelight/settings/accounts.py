"""Settings of limits, of the ledger, of strikes, and of requests for access."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from .section import Section


class LimitSettings(Section):
    seconds_per_day: int = Field(
        default=3600, ge=1, description="Seconds of video that one API key may request per UTC day."
    )
    videos_per_day: int = Field(
        default=1000, ge=1, description="Videos that one API key may request per UTC day."
    )
    cost_per_day: Decimal | None = Field(
        default=None,
        ge=0,
        description="What one API key may be charged per UTC day, in the currency of the ledger.",
    )
    end_user_videos_per_day: int | None = Field(
        default=None, ge=1, description="Videos that one end user may request per UTC day."
    )
    end_user_seconds_per_day: int | None = Field(
        default=None, ge=1, description="Seconds of video that one end user may request per UTC day."
    )
    end_user_cost_per_day: Decimal | None = Field(
        default=None,
        ge=0,
        description="What one end user may be charged per UTC day, in the currency of the ledger.",
    )
    retention_days: float = Field(
        default=30.0,
        gt=0,
        description="Days after which delivered content, and batches that have ended, are deleted.",
    )
    checks_per_hour: int = Field(
        default=600,
        ge=1,
        description="Maximum number of checks and blocked requests of one API key or person within one hour.",
    )
    end_user_checks_per_hour: int = Field(
        default=120, ge=1, description="The same maximum for one end user (`safety_identifier`)."
    )
    stored_batches: int = Field(
        default=1000,
        ge=1,
        description="Maximum number of batches that one team stores, those that have ended included.",
    )
    reports_per_hour: int = Field(
        default=60,
        ge=1,
        description="Maximum number of reports and appeals by one end user, one person, or one API key for "
        "itself within one hour.",
    )
    #: 1 % of the users of a platform with 200,000 users, all within the same hour.
    key_reports_per_hour: int = Field(
        default=2000,
        ge=1,
        description="Maximum number of reports by one API key, those for its end users included, within one "
        "hour. Reports in a lane that comes first, and appeals, have the same limit each.",
    )


class LedgerSettings(Section):
    currency: str = Field(
        default="USD", pattern=r"^[A-Z]{3}$", description="Currency of what end users are charged."
    )
    price_per_second: Decimal = Field(
        default=Decimal(0),
        ge=0,
        le=1000,
        description="What an end user is charged for one second of delivered video. 0: nothing.",
    )
    prices: dict[str, Annotated[Decimal, Field(ge=0, le=1000)]] = Field(
        default_factory=dict, description="The same price by the name of a model, instead of the other."
    )


class StandingSettings(Section):
    expiry_days: float = Field(default=90.0, gt=0, description="Days after which a strike expires.")
    warning_points: int = Field(
        default=1, ge=1, description="Points of valid strikes from which an account or end user is warned."
    )
    cool_down_points: int = Field(
        default=6, ge=1, description="Points from which an end user has to wait after each strike."
    )
    suspension_points: int = Field(
        default=9, ge=1, description="Points from which an end user is suspended after each strike."
    )
    ban_points: int = Field(default=15, ge=1, description="Points from which two people may ban an end user.")
    cool_down_hours: float = Field(default=24.0, gt=0, description="Hours of a cool-down.")
    suspension_days: float = Field(default=14.0, gt=0, description="Days of a suspension.")

    @model_validator(mode="after")
    def _grow(self) -> StandingSettings:
        points = (self.warning_points, self.cool_down_points, self.suspension_points, self.ban_points)
        if list(points) != sorted(set(points)):
            raise ValueError(
                "standing: warning_points, cool_down_points, suspension_points and ban_points must grow"
            )
        return self


class AccessSettings(Section):
    requests: bool = Field(
        default=False, description="Accept requests for access from people without an account."
    )
    requests_per_hour: int = Field(
        default=20, ge=1, description="Maximum number of such requests within one hour, of all senders."
    )
    invitations: int = Field(
        default=0, ge=0, description="How many people each API key may invite. An invited key cannot invite."
    )
