"""What is said at the door and nothing more: each outcome of a login in the reader's language."""

import math

from tornado import web

import texts
from authenticator.door import Admission
from authenticator.errors import LoginError, PasswordExpired, Refused, Throttled

__all__ = ["RETRY_AFTER_SECONDS", "Enrol", "answer_to", "refusal"]

RETRY_AFTER_SECONDS = 30

REFUSED = texts.mark(
    "The account, the one-time password or the password is not right. "
    "Each one-time password works once: wait for the next one, then try again."
)
UNAVAILABLE = texts.mark(
    "The directory of accounts does not answer, so nobody can log in at the moment. "
    "It has nothing to do with what you typed. Try again in a minute, with a new one-time password."
)
WAIT_ONE = texts.mark(
    "Too many attempts: wait a minute, then try again. Until then nothing is looked at, right or wrong."
)
WAIT = texts.mark(
    "Too many attempts: wait %(minutes)d minutes, then try again. "
    "Until then nothing is looked at, right or wrong."
)
LOCKED = texts.mark(
    "Too many attempts: this account is closed until an administrator of the centre opens it again."
)
ENROL = texts.mark(
    "This is an enrolment code. Open the page for one-time passwords in a browser and set up your device "
    "with it."
)
EXPIRED = texts.mark("Your password has expired. Change it at the centre first, then log in here again.")


class Enrol(web.HTTPError):
    """Everything is right, but the code was one for enrolling: it opens no session.

    The login form leads on to the page where a device is enrolled; others get this as an answer.
    """

    def __init__(self, admission: Admission, language: str) -> None:
        super().__init__(403, "an enrolment code")
        self.admission = admission
        self.jupyterhub_message = texts.translate(language, ENROL)


def answer_to(error: LoginError, language: str, password_url: str = "") -> web.HTTPError:
    """Return what somebody is told whose login ended so.

    Refusals read alike whatever their cause. Only who has shown code and password hears more.

    Parameters
    ----------
    error
        How it ended.
    language
        What the reader reads.
    password_url
        The centre's own page for changing an expired password, which the login page links.
    """
    match error:
        case Throttled(seconds=None):
            return _answer(429, LOCKED, language)
        case Throttled(seconds=float() | int() as seconds):
            return _wait(seconds, language)
        case PasswordExpired():
            answer = _answer(403, EXPIRED, language)
            answer.password_url = password_url  # type: ignore[attr-defined]
            return answer
        case Refused():
            return refusal(language)
    return _answer(503, UNAVAILABLE, language, retry_after=RETRY_AFTER_SECONDS)


def refusal(language: str) -> web.HTTPError:
    """Return the answer to everything that is not right."""
    return _answer(403, REFUSED, language)


def _wait(seconds: float, language: str) -> web.HTTPError:
    minutes = max(1, math.ceil(seconds / 60))
    text = WAIT_ONE if minutes == 1 else WAIT
    values = {} if text is WAIT_ONE else {"minutes": minutes}
    return _answer(429, text, language, retry_after=math.ceil(seconds), **values)


def _answer(
    status: int, msgid: str, language: str, *, retry_after: int = 0, **values: object
) -> web.HTTPError:
    # The log gets a word, the person the sentence: JupyterHub shows this attribute on its pages.
    words = {403: "login refused", 429: "too many attempts"}.get(status, "login not possible")
    error = web.HTTPError(status, words)
    sentence = texts.translate(language, msgid, **values)
    error.jupyterhub_message = sentence  # type: ignore[attr-defined]
    if retry_after:
        error.headers = {"Retry-After": str(retry_after)}  # type: ignore[attr-defined]
    return error
