"""What people may type, or send, to have something done that nobody offered them."""

from __future__ import annotations

__all__ = ["HOSTILE", "SHORT"]

SHORT = (
    "--uid=0",
    "--wrap=reboot",
    "-D/",
    "x --uid=0",
    "x\n#SBATCH --uid=0",
    "#SBATCH --partition=bigmem",
    "x\r\ny",
    "x\x0by",
    "x\u2028y",
    "x\x85y",
    "x\x1b[2J",
    "$(reboot)",
    "${IFS}reboot",
    "`reboot`",
    "x;reboot",
    "x|reboot",
    "x&&reboot",
    "x>/tmp/y",
    "'; reboot; '",
    '"; reboot; "',
    "x\\",
    "../../etc/shadow",
    "/etc/shadow",
    "~root",
    "%j%u",
    "%(password)s",
    "{user.settings}",
    "{{ 7*7 }}",
    "{% raw %}",
    "<script>alert(1)</script>",
    "x=y",
    "x,y",
    "x:y",
    "x\0y",
    "\u202ex",
    "\u0661\u0662",  # digits, for str.isdigit and \d
    "\uff0d\uff0duid",
    "\u00b2",  # a digit that int() does not take
    "\U0001f4a9",
    "-1",
    "0x10",
    "1e3",
    "1_0",
    " 1",
    "+1",
    "None",
    "true",
)
"""Texts that can be sent as they are, in a form, a link, or JSON."""

HOSTILE: tuple[object, ...] = (
    *SHORT,
    "x" * 65,
    "9" * 5000,
    "x" * 10_000_000,
    "\ud800",
    -1,
    0.5,
    10**30,
    float("inf"),
    float("nan"),
    True,
    [],
    ["jupyter"],
    {},
    {"queue": "jupyter"},
)
