"""Debian's FreeRADIUS as a plain process, with people of ours."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["CODE", "PASSWORD", "SECRET", "Radius", "free_udp_port", "running"]

SECRET = "canary-shared-secret-of-the-test"
PASSWORD = "canary-password"
CODE = "493021"

CONFIG = """
prefix = /usr
logdir = {folder}
run_dir = {folder}
db_dir = {folder}
libdir = /usr/lib/freeradius
name = hpchub
pidfile = {folder}/radius.pid
max_request_time = 5
cleanup_delay = 5
max_requests = 16384
hostname_lookups = no
proxy_requests = no
log {{
    destination = stdout
    auth = yes
}}
security {{
    reject_delay = 0
    status_server = yes
}}
thread pool {{
    start_servers = 2
    max_servers = 4
}}
client hub {{
    ipaddr = 127.0.0.1
    secret = {secret}
    require_message_authenticator = yes
}}
modules {{
    files {{
        filename = {folder}/users
    }}
    pap {{
    }}
    totp {{
    }}
    expr {{
    }}
    always handled {{
        rcode = handled
    }}
}}
instantiate {{
    expr
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        files
        pap
        if (&control:TOTP-Secret) {{
            update request {{
                TOTP-Password := &User-Password
            }}
            update control {{
                Auth-Type := Code
            }}
        }}
        elsif (&control:Tmp-String-0) {{
            if (!&State) {{
                update control {{
                    Auth-Type := First
                    Cleartext-Password := &control:Tmp-String-0
                }}
            }}
            else {{
                update control {{
                    Auth-Type := Second
                    Cleartext-Password := &control:Tmp-String-1
                }}
            }}
        }}
        if (&User-Name != "unsigned") {{
            update reply {{
                Message-Authenticator := 0x00
            }}
        }}
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type Code {{
            totp
        }}
        Auth-Type First {{
            pap
            if (ok) {{
                challenge
            }}
        }}
        Auth-Type Second {{
            pap
            if (ok && &User-Name == "endless") {{
                challenge
            }}
        }}
    }}
}}
policy {{
    challenge {{
        update control {{
            Response-Packet-Type := Access-Challenge
        }}
        update reply {{
            State := "%{{randstr:aaaaaaaaaaaaaaaa}}"
            Reply-Message := "The code, please"
        }}
        handled
    }}
}}
"""

USERS = """
code Cleartext-Password := "{code}"
unsigned Cleartext-Password := "{code}"
joined Cleartext-Password := "{password}{code}"
asked Tmp-String-0 := "{password}", Tmp-String-1 := "{code}"
endless Tmp-String-0 := "{password}", Tmp-String-1 := "{code}"
trusting Cleartext-Password := "{password}"
"""


def free_udp_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Radius:
    """A running server."""

    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def logins(self) -> int:
        """Return how many requests it has decided on."""
        text = self.log.read_text()
        return text.count("Login OK") + text.count("Login incorrect")


@contextmanager
def running(folder: Path, seeds: dict[str, str]) -> Iterator[Radius]:
    """Run a server on a free port; `seeds` are people with a TOTP token, base32."""
    port = free_udp_port()
    tokens = "".join(f'{name} TOTP-Secret := "{seed}"\n' for name, seed in seeds.items())
    files = {
        "radiusd.conf": CONFIG.format(folder=folder, port=port, secret=SECRET),
        "users": USERS.format(password=PASSWORD, code=CODE) + tokens,
        "dictionary": "$INCLUDE /usr/share/freeradius/dictionary\n",
    }
    for name, text in files.items():
        path = folder / name
        path.touch(0o600)
        path.write_text(text)
    program = shutil.which("freeradius", path=f"/usr/sbin:{os.environ['PATH']}") or "freeradius"
    log = folder / "radius.log"
    with log.open("wb") as out:
        command = [program, "-f", "-n", "radiusd", "-l", "stdout", "-d", str(folder)]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _wait(process, log)
        yield Radius(port, log)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1000):
        if "Ready to process requests" in log.read_text():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"FreeRADIUS does not start:\n{log.read_text()[-2000:]}")
