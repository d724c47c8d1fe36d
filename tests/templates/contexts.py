"""What the pages are rendered with: users, spawners and queues like the real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from jinja2 import StrictUndefined

from authenticator.pages.accounts import Row
from environments.site import Site
from queues.estimate import cost
from queues.policy import Queue
from queues.table import NodeCounts, QueueRow, QueueTable
from slurm.records import Sentence
from spawner.again import Again
from spawner.card import Card, extensions
from spawner.extending import Room
from spawner.menu import Menu, menu_of
from spawner.offers import Offers
from spawner.options import Request
from spawner.own_environments import Own
from spawner.pages.jobs import Row as JobRow
from spawner.running import Facts
from tests.spawner.scripted import job
from tests.templates.pages import Page, render

__all__ = ["EVIL", "PAGES", "form", "queue_form", "spawner", "table", "user"]

EVIL = "<img src=x onerror=alert(1)>\"'</script><b>"
NOBODY = Sentence("This queue is for certain users only, and you are not among them.", {})


def spawner(
    name: str = "", *, ready: bool = False, pending: str | None = None, **more: Any
) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        display_name=name,
        ready=ready,
        pending=pending,
        active=ready or bool(pending),
        user_options={"queue": "cas_v100_2", "hours": 4},
        job_id="4711",
        last_progress={},
        options_form="form",
        orm_spawner=SimpleNamespace(started=datetime(2026, 11, 21, 9, 0)),
        **more,
    )


def card(state: str = "running", *, minutes: int | None = 134, **more: Any) -> Card:
    """Make the card of a job on a paid queue, with so many minutes left."""
    now = datetime.now(UTC).replace(microsecond=0)
    one = queue("cas_v100_2", "1900", title="2 × V100, whole node", gpus_per_node=2, extend_to_hours=48)
    placed = state in ("running", "paused", "starting")
    facts = Facts(
        *("4711", "cas_v100_2", state),
        **({"node": "gpu07", "gpus": 2, "cpus": 20, "memory_mb": 191488} if placed else {}),
        submitted=now - timedelta(hours=3),
        started=now - timedelta(hours=2) if placed else None,
        ends=now + timedelta(minutes=minutes) if placed and minutes is not None else None,
        time_left=timedelta(minutes=minutes) if state == "running" and minutes is not None else None,
        near_end=state == "running" and minutes is not None and minutes < 15,
        as_of=now - timedelta(minutes=7),
        silent=bool(more.pop("silent", False)),
    )
    room = Room(3, now + timedelta(hours=5)) if state == "running" else Room()
    words = {"room": room, "extensions": extensions(room, one), "again": None, "warn_minutes": 15}
    return Card(now=now, facts=facts, queue=one, **{**words, **more})


def again() -> Again:
    """Make what a start with the last options asks for."""
    one = queue("cas_v100_2", "1900", title="2 × V100, whole node", gpus_per_node=2)
    fields = {"queue": "cas_v100_2", "hours": "4", "interface": "lab"}
    return Again(fields, Request(one, "lab", 4, 2, "proj01"), "v100", Decimal(7600))


def with_card(name: str = "", state: str = "running", **more: Any) -> SimpleNamespace:
    """Make a server that knows its card."""
    named = {key: more.pop(key) for key in ("ready", "pending") if key in more}
    return spawner(name, **named, card=card(state, **more), ticket=SimpleNamespace(last_end={}))


def user(name: str = "a1113a01", *spawners: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        escaped_name="a1113a01",
        spawner=spawner(),
        all_spawners=lambda include_default=True: list(spawners),
        server_url=lambda name="": f"/user/a1113a01/{name}",
    )


def row(queue: Queue, alloc: int | None, idle: int | None, down: int | None, **more: Any) -> QueueRow:
    known = alloc is not None and idle is not None and down is not None
    figures: dict[str, Any] = {
        "gpus_by_type": {"v100": 10},
        "free_slots": None,
        "total_slots": None,
        "free_gpus": 4 if known else None,
        "total_gpus": 10 if known else None,
        "waiting": 2 if known else None,
        "why_not": None,
    }
    total = (alloc or 0) + (idle or 0) + (down or 0) if known else None
    return QueueRow(
        queue, alloc, idle, down, total, price=queue.price, max_hours=queue.max_hours, **{**figures, **more}
    )


def queue(name: str, price: str | None = None, **more: Any) -> Queue:
    shared = {"kind": "shared", "slots_per_node": 10} if price is None else {"kind": "exclusive"}
    words = {"about": {"en": f"About {name}", "ko": f"{name} 설명"}}
    return Queue.model_validate({"name": name, "price": price, "max_hours": 48, **shared, **words, **more})


def table(*, known: bool = True, problem: str | None = None, idle: int = 2) -> QueueTable:
    figures = (3, idle, 0) if known else (None, None, None)
    rows = (
        row(queue("jupyter"), *figures, free_slots=38, total_slots=50),
        row(queue("cas_v100_2", "3000"), *figures),
        row(queue("amd_a100_4", "8000", gpus_per_node=4, gpu_choices=[4, 2, 1]), *figures),
        row(queue("bigmem", "1500"), *figures, gpus_by_type={}, total_gpus=0, why_not=NOBODY),
    )
    as_of = datetime(2026, 11, 21, 9, 0, tzinfo=UTC) if known else None
    totals = NodeCounts(3, 2, 0, {"v100": 10}) if known else None
    return QueueTable(rows, totals, "KRW", as_of, 3.2 if known else None, problem, None)


def offers(account: tuple[str, ...] = (), **more: Any) -> Offers:
    nothing = dict.fromkeys(("gpu_type", "feature", "qos", "reservation"), ())
    return Offers(
        account=account, **{"gpus": {"": ()}, "free": ("feature", "reservation"), **nothing, **more}
    )


OFFERS = {
    "jupyter": offers(("proj01", "proj02")),
    "cas_v100_2": offers(("proj01",)),
    "amd_a100_4": offers(
        gpu_type=("a100", "1g.10gb"),
        gpus={"a100": (4, 2, 1), "1g.10gb": (1,)},
        feature=("nvme",),
        qos=("normal", "long"),
    ),
    "bigmem": offers(),
}
TITLES: dict[str, dict[str, str]] = {
    "account": {"proj01": "proj01", "proj02": "proj02"},
    "gpu_type": {"a100": "A100", "1g.10gb": "A seventh of an A100"},
    "gpus": {"1": "1", "2": "2", "4": "4"},
    "feature": {"nvme": "With a fast local disk"},
    "qos": {"normal": "normal", "long": "long"},
    "reservation": {},
}


def menu(own: tuple[Own, ...] | None = (Own("notebook", server=True, python="3.11"),), **more: Any) -> Menu:
    """What there is to start from, at a site with a shared environment and an image."""
    image = {"name": "class", "title": EVIL, "runtime": "ch", "path": "/images/class", "queues": ("jupyter",)}
    site = {
        "shared": [{"name": "base", "title": EVIL, "about": EVIL, "prefix": "/opt/base"}],
        "runtimes": {"ch": {"command": ("ch-run", "{image}", "--", "{command}")}},
        "images": [image],
        "without": "offer",
    }
    found = menu_of(Site(**{**site, **more}), own, "own:notebook" if own else None, "en")
    assert found is not None
    return found


def queue_form(**more: Any) -> dict[str, Any]:
    return {
        "table": table(),
        "offers": OFFERS,
        "titles": TITLES,
        "expected": {},
        "limits": [],
        "presets": [],
        "site_presets": (),
        "by_link": False,
        "by_preset": "",
        "is_own": True,
        "base_url": "/hub/",
        "account_note": None,
        "chosen": {
            "queue": "cas_v100_2",
            "interface": "notebook",
            "hours": 4,
            "account": "proj01",
            "environment": "own:notebook",
            **dict.fromkeys(("gpus", "gpu_type", "feature", "qos", "reservation")),
        },
        "environments": menu(),
        "errors": {},
        "currency": "KRW",
        "estimate": cost,
        "refresh_url": "/hub/spawn",
        "last_end": {},
        **more,
    }


def form(lang: str = "en", **context: Any) -> Page:
    """Render the fields; a name that the spawner does not give must not pass unnoticed."""
    return render("queue_form.html", lang, undefined=StrictUndefined, **queue_form(**context))


THEN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OWN = SimpleNamespace(
    told=[SimpleNamespace(id=7, at=THEN, sentence=("The administrator %(by)s did it.", {"by": EVIL}))],
    label=EVIL,
    created=THEN,
    last_used=None,
    why=("%(why)s", {"why": EVIL}),
    left=1,
    few=True,
)
ROW = Row("zoe", label=EVIL, created=THEN, why=EVIL, locked=True, issued=THEN, recovery_left=3)
LOGIN = SimpleNamespace(request_otp=True, otp_prompt="OTP:")
CLIENT = SimpleNamespace(description="Notebook", redirect_uri="/user/a1113a01/oauth_callback")

SERVER = {"user": user(), "owner": user("a1113a02"), "path": "a1113a01/second", "problem": None}
PAGES: dict[str, dict[str, Any]] = {
    "login.html": {"authenticator": LOGIN, "authenticator_login_url": "/hub/login", "login_error": "No."},
    "home.html": {
        "user": user(
            "a1113a01", spawner("second", ready=True), spawner("third"), spawner("fourth", pending="stop")
        ),
        "default_server": spawner(pending="spawn"),
        "url": "/user/a1113a01/",
        "allow_named_servers": True,
        "named_server_limit_per_user": 3,
    },
    "spawn.html": {
        "user": user(),
        "for_user": user("a1113a02"),
        "url": "/hub/spawn",
        "error_message": "No such queue",
        "spawner_options_form": "<p>the form</p>",
    },
    "spawn_pending.html": {
        "user": user(),
        "spawner": spawner(pending="spawn"),
        "progress_url": "/hub/api/progress",
    },
    "server_log.html": {
        **SERVER,
        "spawner": spawner("second", ready=True),
        "problem": Sentence("The log cannot be read at the moment: %(words)s", {"words": EVIL}),
        "job_id": EVIL,
        "alive": True,
        "lines": (EVIL, "last"),
        "most": 300,
        "read_at": THEN,
    },
    "server_stop.html": {**SERVER, "spawner": spawner("second", ready=True)},
    "server_extend.html": {**SERVER, "spawner": with_card(ready=True), "done": True},
    "presets.html": {
        "user": user(),
        "problem": Sentence("There is no preset “%(name)s”.", {"name": EVIL}),
        "kept": [(EVIL, "/hub/spawn?preset=x", {"queue": "jupyter", "hours": 4})],
        "choices": None,
    },
    "jobs.html": {
        "user": user(),
        "rows": [JobRow(job(id="7", name=EVIL, user=EVIL, partition=EVIL, nodes=(EVIL,)), THEN)],
        "grace": 600.0,
        "as_of": THEN,
        "silent": True,
        "in_line": 2,
    },
    "stop_pending.html": {"user": user(), "spawner": spawner(pending="stop")},
    "not_running.html": {
        "user": user(),
        "server_name": "",
        "spawn_url": "/hub/spawn/a1113a01",
        "failed": True,
    },
    "error.html": {"user": user(), "status_code": 503, "status_message": "Unavailable", "message": "Later"},
    "404.html": {"user": None, "status_code": 404, "status_message": "Not Found", "no_spawner_check": True},
    "logout.html": {},
    "token.html": {
        "user": user(),
        "api_tokens": [],
        "oauth_clients": [],
        "token_expires_in_options_html": "",
    },
    "admin.html": {"user": user(), "admin_access": True, "api_page_limit": 50, "server_version": "6.1.1"},
    "otp_begin.html": {"username": EVIL, "problem": EVIL, "password_url": "https://centre.example/"},
    "otp_enrol.html": {
        "picture": SimpleNamespace(svg="", uri="otpauth://totp/x", secret="ABCD EFGH"),
        "account": "a1113a01",
        "issuer": EVIL,
        "minutes": 1,
        "tries_left": 9,
        "label": EVIL,
        "problem": "No.",
    },
    "otp_overview.html": {"user": user(), "own": OWN, "parsed_scopes": {"admin:users": True}},
    "otp_new_codes.html": {"user": user(), "problem": "No."},
    "otp_resync.html": {"user": None, "username": "", "problem": ""},
    "otp_resynced.html": {"seconds": -90},
    "otp_ended.html": {},
    "otp_elsewhere.html": {"help_url": "https://centre.example/"},
    "otp_admin.html": {
        "user": user(),
        "found": SimpleNamespace(rows=[ROW], total=120, page=2, pages=3),
        "search": EVIL,
        "searched_name": "zoe",
        "typed": EVIL,
    },
    "otp_account.html": {"user": user(), "row": ROW},
    "otp_reset.html": {"user": user(), "account": "a1113a01"},
    "oauth.html": {"user": user(), "oauth_client": CLIENT, "scope_descriptions": [], "allowed_scopes": []},
}
