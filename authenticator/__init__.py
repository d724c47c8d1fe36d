"""Who you are: the directory, one-time passwords, and the store of their seeds."""

from authenticator.login import LDAPOTPAuthenticator

__all__ = ["LDAPOTPAuthenticator"]
