"""What the users service is told by its environment."""

from pathlib import Path
from typing import Literal

from chassis.limits import Policy
from chassis.settings import InternalSettings

MIGRATIONS = Path(__file__).parents[1] / "migrations"


class Settings(InternalSettings):
    """`topics_url` and `messages_url` are base addresses without a path."""

    topics_url: str
    messages_url: str
    registration: Literal["open", "closed"] = "open"
    logins_per_account: int = 10
    logins_per_address: int = 100
    registrations_per_address: int = 30

    @property
    def account_policy(self) -> Policy:
        """Logins for one account from one address."""
        return Policy("logins", self.logins_per_account, 900)

    @property
    def address_policy(self) -> Policy:
        """Logins from one address."""
        return Policy("logins-address", self.logins_per_address, 900)

    @property
    def registration_policy(self) -> Policy:
        """Registrations from one address."""
        return Policy("registrations", self.registrations_per_address, 3600)
