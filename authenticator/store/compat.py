"""The store as the first release knew it, for callers that are not moved to `Store` yet."""

import time

from authenticator.keys import Keys
from authenticator.store.database import Database
from authenticator.store.tokens import Token, TokenListing, Tokens

__all__ = ["TokenStore"]


class TokenStore:
    """Tokens alone."""

    def __init__(self, url: str, keys: Keys) -> None:
        self._database = Database(url, keys)
        self._tokens = Tokens(self._database)
        self.remove = self._tokens.remove
        self.unreadable = self._tokens.unreadable
        self.set_token = self._tokens.put

    def close(self) -> None:
        self._database.close()

    def token(self, user: str) -> Token | None:
        return self._tokens.get(user)

    def claim(self, token_id: str, step: int) -> bool:
        return self._tokens.claim(token_id, step, now=time.time())

    def listing(self) -> list[TokenListing]:
        return self._tokens.listing()
