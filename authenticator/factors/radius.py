"""A RADIUS server checks the code (RFC 2865), by answers that are signed (RFC 3579, CVE-2024-3596)."""

import logging
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pyrad import packet
from pyrad.packet import AuthPacket, Packet
from traitlets import Bool, Enum, Int, List, TraitError, Unicode, validate

from authenticator.errors import Refused, Unavailable
from authenticator.factors.interface import Attempt, How, Proof
from authenticator.factors.others import OthersFactor
from authenticator.factors.radius_line import Line, NoAnswer, RadiusServer, read_secret
from authenticator.keys import private_file_problem
from authenticator.workers import Deadline

__all__ = ["RadiusFactor"]

USER_NAME, USER_PASSWORD, STATE, CALLING_STATION, NAS_IDENTIFIER = 1, 2, 24, 31, 32
LONGEST_PASSWORD: Final = 128  # RFC 2865 section 5.2
SHORTEST_SECRET: Final = 16  # RFC 2865 section 3
SILENT_SECONDS: Final = 60


class RadiusFactor(OthersFactor):
    """Asks RADIUS servers, in order, about each code.

    A request is sent again unchanged, so that the server takes it for the same one. It goes to the next
    server only when there is no valid answer at all. Where a code was accepted and the answer got lost, the
    next server may find the code used: the person then waits for the next one.

    Notes
    -----
    Plain RADIUS hides the code (and the password, unless `send` is "otp") by MD5 and the shared secret, no
    better. Keep it on a private network, or speak to a RadSec proxy on this machine (radsecproxy), which
    speaks TLS to the server.
    """

    title = "RADIUS"

    servers = List(Unicode(), help="Servers, asked in this order: HOST:PORT or [IPV6]:PORT.").tag(config=True)
    secret_files = List(
        Unicode(),
        help="""Files (mode 0400 or 0600, owned by the hub's account) with the secret shared with each
        server, in the order of the servers; or one for all.""",
    ).tag(config=True)
    send = Enum(
        ["otp", "password+otp", "challenge"],
        default_value="otp",
        help="""What goes out as the password. "otp": the code alone; the directory checks the password.
        "password+otp": both in one. "challenge": the password, then the code when the server asks for it.""",
    ).tag(config=True)
    timeout = Int(3, help="Seconds to wait for an answer before asking again.").tag(config=True)
    tries = Int(2, help="How often a server is asked before the next one is.").tag(config=True)
    nas_identifier = Unicode("hpchub", help="How we introduce ourselves (NAS-Identifier).").tag(config=True)
    accept_unsigned = Bool(
        default_value=False,
        help="""Believe answers without a Message-Authenticator. Somebody between us and the server can then
        turn a refusal into an acceptance (CVE-2024-3596, Blast-RADIUS). Only for a server that cannot be
        updated, on a network where nobody stands in between.""",
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Until when a silent server is asked last; of servers, not of logins.
        self._silent: dict[str, float] = {}

    @validate("servers")
    def _valid_servers(self, proposal: Any) -> list[str]:
        try:
            return [str(RadiusServer.parse(each)) for each in proposal["value"]]
        except ValueError as error:
            raise TraitError(f"RadiusFactor.servers: {error}") from None

    @validate("timeout", "tries")
    def _valid_amount(self, proposal: Any) -> int:
        if int(proposal["value"]) < 1:
            raise TraitError(f"RadiusFactor.{proposal['trait'].name} is {proposal['value']}; write 1 or more")
        return int(proposal["value"])

    def problems(self) -> Iterator[str]:
        yield from (f"RadiusFactor: {problem}" for problem in self._problems())

    def _problems(self) -> Iterator[str]:
        if not self.servers:
            yield "servers is empty: write for example ['radius1.hpc.example:1812']"
        if len(self.secret_files) not in {1, len(self.servers)}:
            yield f"secret_files has {len(self.secret_files)} files for {len(self.servers)} servers"
        for path in map(Path, self.secret_files):
            if problem := private_file_problem(path):
                yield f"secret_files: {problem}"
            elif len(read_secret(path)) < SHORTEST_SECRET:
                yield f"secret_files: {path} holds less than {SHORTEST_SECRET} characters: it can be guessed"
        if not 1 <= len(self.nas_identifier.encode()) <= 253:
            yield "nas_identifier must have 1 to 253 characters"
        longest = len(self.servers) * self.tries * self.timeout
        limit = getattr(self.parent, "login_timeout", None)
        if limit is not None and longest >= limit:
            yield (
                f"servers x tries x timeout is {longest} s, and login_timeout {limit} s: the last server "
                "would not be heard; lower timeout or tries"
            )

    def secret(self, attempt: Attempt, code: str) -> bytes:
        rounds = self._rounds(attempt, code)
        for hidden in rounds:
            # NUL is what passwords are filled up with (RFC 2865 section 5.2): servers cut there.
            if not 1 <= len(hidden) <= LONGEST_PASSWORD or b"\0" in hidden:
                raise Refused("password_syntax")
        return rounds[-1]

    def ask(self, attempt: Attempt, code: str, deadline: Deadline) -> Proof:
        trouble = Unavailable("radius", "no server is set")
        for server in self._in_order():
            try:
                self._check_at(server, attempt, code, deadline)
            except NoAnswer as silence:
                self._note_silence(server, silence)
                trouble = Unavailable("radius", silence.detail)
            else:
                return Proof(How.OTP, attempt.password)
        raise trouble

    def reach(self, deadline: Deadline) -> Iterator[tuple[str, str]]:
        """Ask each server how it is (Status-Server, RFC 5997), which shows if the secret is the right one."""
        for server in self._listed():
            try:
                # Nothing hangs on this answer, and FreeRADIUS does not sign it with a Message-Authenticator.
                with Line(server, accept_unsigned=True) as line:
                    request = self._packet(line, packet.StatusServer)
                    line.ask(request, tries=self.tries, timeout=self.timeout, deadline=deadline)
            except NoAnswer as silence:
                yield str(server), silence.detail
            else:
                yield str(server), ""

    def _rounds(self, attempt: Attempt, code: str) -> tuple[bytes, ...]:
        """Return what is sent as the password, in one round or two."""
        if self.send == "challenge":
            return attempt.password, code.encode()
        return (code.encode() if self.send == "otp" else attempt.password + code.encode(),)

    def _check_at(self, server: RadiusServer, attempt: Attempt, code: str, deadline: Deadline) -> None:
        """Return if this server accepts, after as many rounds as there must be."""
        rounds = self._rounds(attempt, code)
        state: list[bytes] = []
        with Line(server, accept_unsigned=self.accept_unsigned) as line:
            for number, hidden in enumerate(rounds, 1):
                last = number == len(rounds)
                request = self._request(line, attempt, hidden, state)
                answer = line.ask(request, tries=self.tries, timeout=self.timeout, deadline=deadline)
                self._silent.pop(str(server), None)
                state = list(answer.get(STATE, []))
                _judge(answer, last=last)

    def _request(self, line: "Line", attempt: Attempt, hidden: bytes, state: list[bytes]) -> AuthPacket:
        request = self._packet(line, packet.AccessRequest)
        request[USER_NAME] = [attempt.name.encode()]
        request[USER_PASSWORD] = [request.PwCrypt(hidden)]
        if attempt.address:
            request[CALLING_STATION] = [attempt.address.encode()[:253]]
        if state:
            request[STATE] = state
        return request

    def _packet(self, line: Line, code: int) -> AuthPacket:
        request = AuthPacket(
            code,
            id=secrets.randbelow(256),
            secret=line.secret,
            authenticator=secrets.token_bytes(16),
            message_authenticator=True,
        )
        request[NAS_IDENTIFIER] = [self.nas_identifier.encode()]
        return request

    def _listed(self) -> list[RadiusServer]:
        files = self.secret_files * len(self.servers) if len(self.secret_files) == 1 else self.secret_files
        return [RadiusServer.parse(*each) for each in zip(self.servers, map(Path, files), strict=True)]

    def _in_order(self) -> list[RadiusServer]:
        """Return the servers as set, those that were silent a short while ago last."""
        now = time.monotonic()
        return sorted(self._listed(), key=lambda server: self._silent.get(str(server), 0) > now)

    def _note_silence(self, server: RadiusServer, silence: "NoAnswer") -> None:
        if str(server) not in self._silent:
            log = getattr(self.parent, "log", None) or logging.getLogger(__name__)
            log.warning("RADIUS server %s", silence.detail)
        self._silent[str(server)] = time.monotonic() + SILENT_SECONDS


def _judge(answer: Packet, *, last: bool) -> None:
    """Return if the answer is the one that this round needs."""
    if answer.code == packet.AccessReject:
        raise Refused("otp_wrong" if last else "password")
    if answer.code == packet.AccessAccept and not last:
        # The password alone was enough for the server: this person has no token there.
        raise Refused("no_token")
    if answer.code == packet.AccessChallenge and last:
        raise Refused("challenge")
