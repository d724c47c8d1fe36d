"""The way in for the login form, and the addresses of all pages about one-time passwords."""

from tornado import web

from authenticator.pages.admin import Account, Accounts
from authenticator.pages.enrol import Enrol
from authenticator.pages.overview import Overview, Seen
from authenticator.pages.pending import begin
from authenticator.pages.renew import Codes, Replace, Resync

__all__ = ["begin", "handlers"]


def handlers() -> list[tuple[str, type[web.RequestHandler]]]:
    """Return the routes, for `Authenticator.get_handlers`."""
    return [
        (r"/otp", Overview),
        (r"/otp/enrol", Enrol),
        (r"/otp/replace", Replace),
        (r"/otp/codes", Codes),
        (r"/otp/resync", Resync),
        (r"/otp/seen", Seen),
        (r"/otp/admin", Accounts),
        (r"/otp/admin/([a-z_][a-z0-9._-]{0,31})", Account),
    ]
