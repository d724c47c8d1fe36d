"""Text of others (servers, users, files) made fit for a terminal, which obeys escape sequences."""

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""Return one line without anything but visible signs, in any language.

    >>> printable("two\nlines \x1b[2J")
    'two lines ?[2J'
    """
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
