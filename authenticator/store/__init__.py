"""The store: tokens and all that belongs to them, shared by every process of the hub and the commands.

SQLite by default, PostgreSQL for several hubs. Every method is one short transaction, and any thread may call
it. `now` is always an argument: Unix seconds.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from authenticator.keys import Keys
from authenticator.store.database import Database
from authenticator.store.enrolments import Enrolments, Pending
from authenticator.store.errors import StoreError, UnreadableTokenError
from authenticator.store.notices import Notice, Notices
from authenticator.store.recovery import RecoveryCodes
from authenticator.store.tokens import RECOVERED, Token, TokenListing, Tokens

if TYPE_CHECKING:
    from authenticator.store.attempts import Attempts
    from authenticator.store.revocations import Revocations
    from authenticator.store.sent import Sent

__all__ = [
    "RECOVERED",
    "Database",
    "Enrolments",
    "Notice",
    "Notices",
    "Pending",
    "RecoveryCodes",
    "Store",
    "StoreError",
    "Token",
    "TokenListing",
    "Tokens",
    "UnreadableTokenError",
]


class Store:
    """All parts of the store on one database.

    Parameters
    ----------
    url
        SQLAlchemy's: ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
    keys
        What secrets are encrypted with.

    Raises
    ------
    StoreError
        When it cannot be opened safely; the text says what to do.
    """

    def __init__(self, url: str, keys: Keys) -> None:
        self.database = Database(url, keys)
        self.tokens = Tokens(self.database)
        self.recovery = RecoveryCodes(self.database)
        self.enrolments = Enrolments(self.database)
        self.notices = Notices(self.database)

    @cached_property
    def attempts(self) -> "Attempts":
        from authenticator.store.attempts import Attempts

        return Attempts(self.database)

    @cached_property
    def revocations(self) -> "Revocations":
        from authenticator.store.revocations import Revocations

        return Revocations(self.database)

    @cached_property
    def sent(self) -> "Sent":
        from authenticator.store.sent import Sent

        return Sent(self.database)

    def close(self) -> None:
        self.database.close()
