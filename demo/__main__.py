"""The demo centre's commands, ``python -m demo COMMAND``.

They are up, down, status, otp, hpchub, run, control and channel.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from xmlrpc.client import Fault

import pyotp

from demo import accounts as accounts_file
from demo.accounting import AccountingError
from demo.accounts import Accounts, AccountsError
from demo.centre import Centre, CentreError
from demo.channel import build as channel_build
from demo.channel.fetching import FetchError
from demo.channel.interpreter import InterpreterError
from demo.channel.wheels import WheelError
from demo.namespace import NamespaceError
from demo.ports import PortTakenError
from demo.programs import hub_environment
from demo.settings import HUB_ACCOUNT, Instance, SettingError
from demo.site import SiteError
from demo.slapd import DirectoryError
from demo.startup import StartupError
from demo.tokens import TokenError

_ERRORS = (
    AccountingError,
    AccountsError,
    CentreError,
    DirectoryError,
    FetchError,
    InterpreterError,
    NamespaceError,
    PortTakenError,
    SettingError,
    SiteError,
    StartupError,
    TokenError,
    WheelError,
    Fault,
    subprocess.TimeoutExpired,
    OSError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    arguments = _parser().parse_args(argv)
    try:
        centre = Centre(Instance.from_environment(), accounts_file.load(), tell=_tell)
        return int(arguments.command(centre, arguments))
    except _ERRORS as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("demo: interrupted; the same command again goes on from here\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("up", help="bring the centre up").set_defaults(command=_up)
    commands.add_parser("down", help="stop the centre; its data stay").set_defaults(command=_down)
    commands.add_parser("status", help="show its programs").set_defaults(command=_status)
    otp = commands.add_parser("otp", help="print an account's one-time password of this moment")
    otp.add_argument("name")
    otp.set_defaults(command=_otp)
    ours = commands.add_parser(
        "hpchub", help="run the administrator's command as the hub's account: hpchub doctor"
    )
    ours.add_argument("argv", nargs=argparse.REMAINDER)
    ours.set_defaults(command=_hpchub)
    run = commands.add_parser("run", help="run a program inside the centre: run --user NAME -- squeue")
    run.add_argument("--user", help="as this user instead of root")
    run.add_argument("argv", nargs="+")
    run.set_defaults(command=_run)
    control = commands.add_parser("control", help="start, stop or kill one program of the centre")
    control.add_argument("program")
    control.add_argument("verb", choices=("start", "stop", "kill"))
    control.set_defaults(command=_control)
    channel = commands.add_parser("channel", help="make the demo's conda channel, if it is not there")
    channel.set_defaults(command=_channel)
    return parser


def _up(centre: Centre, _: argparse.Namespace) -> int:
    began = time.monotonic()
    centre.up()
    _tell(f"the centre is up after {time.monotonic() - began:.1f} s\n")
    sys.stdout.write(f"{centre.instance.url}\n\n{_account_table(centre.accounts)}")
    sys.stdout.write(
        "\nA one-time password: make otp NAME=a1113a01    Programs: make status    End: make stop\n"
    )
    return 0


def _down(centre: Centre, _: argparse.Namespace) -> int:
    centre.down()
    _tell("the centre is stopped; its data stay in " + str(centre.instance.state))
    return 0


def _status(centre: Centre, _: argparse.Namespace) -> int:
    states = centre.states()
    if not states:
        sys.stdout.write(f"The centre in {centre.instance.state} does not run; `make demo` starts it.\n")
        return 3
    sys.stdout.write(f"{centre.instance.url}\n\n")
    rows = [("program", "state", "process", "up", "log")]
    rows += [
        (s.name, s.state, str(s.pid or "-"), _duration(s.uptime_s), str(centre.instance.log_of(s.name)))
        for s in states
    ]
    sys.stdout.write(_table(rows))
    return 0 if all(state.state in {"RUNNING", "STARTING"} for state in states) else 1


def _otp(centre: Centre, arguments: argparse.Namespace) -> int:
    code = pyotp.TOTP(centre.accounts.user(arguments.name).totp_seed)
    now = time.time()
    sys.stdout.write(f"{code.at(int(now))}  (valid for {code.interval - now % code.interval:.0f} s more)\n")
    return 0


def _run(centre: Centre, arguments: argparse.Namespace) -> int:
    command = centre.namespace.command(arguments.argv, arguments.user)
    os.execvp(command[0], command)  # noqa: S606 - keeps terminal and exit status


def _hpchub(centre: Centre, arguments: argparse.Namespace) -> int:
    instance = centre.instance
    environment = [f"{name}={value}" for name, value in hub_environment(instance).items()]
    words = ["env", *environment, f"HPCHUB_CONFIG={instance.src}/jupyterhub_config.py"]
    words += [f"{instance.venv}/bin/python", "-m", "hpchub", *arguments.argv]
    command = centre.namespace.command(words, HUB_ACCOUNT)
    os.execvp(command[0], command)  # noqa: S606 - keeps terminal and exit status


def _control(centre: Centre, arguments: argparse.Namespace) -> int:
    match arguments.verb:
        case "start":
            centre.supervisor.start(arguments.program)
        case "stop":
            centre.supervisor.stop(arguments.program)
        case "kill":
            centre.supervisor.signal(arguments.program, "KILL")
    return 0


def _channel(centre: Centre, _: argparse.Namespace) -> int:
    channel_build.ensure(channel_build.Places.beside(centre.instance.venv), _tell)
    return 0


def _account_table(accounts: Accounts) -> str:
    rows = [("account", "password", "projects", "remarks")]
    for user in accounts.users:
        notes = [word for word, true in (("administrator", user.admin), ("locked", user.locked)) if true]
        notes += [] if user.projects else ["no Slurm account"]
        rows.append((user.name, user.password, ", ".join(user.projects) or "-", ", ".join(notes)))
    return _table(rows)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
