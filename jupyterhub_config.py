"""The hub of this centre: which classes, which services, which pages.

What differs from site to site (names, addresses, prices) stands in a file of the site's own, which
HPCHUB_SITE_CONFIG names and which is loaded last.
"""

import os
import sys
from pathlib import Path

from texts import handler as languages
from texts import jinja as pages

c = get_config()
languages.register()

# Who you are, and what you asked for
c.JupyterHub.authenticator_class = "authenticator.LDAPOTPAuthenticator"
c.JupyterHub.spawner_class = "spawner.SlurmGPUSpawner"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = 10

# Leaving means leaving: as in the original, Logout stops all servers of the user.
c.JupyterHub.shutdown_on_logout = True
# A session lasts half a day (NIST SP 800-63B: reauthentication within twelve hours).
c.JupyterHub.cookie_max_age_days = 0.5
# What scripts log in with ends as well, at the latest after a month.
c.JupyterHub.token_expires_in_max_seconds = 30 * 24 * 3600
c.JupyterHub.default_url = "/hub/home"

# The hub may restart while people work: their servers and the proxy go on.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
# Jobs that wait are found again in the background, for as long as they wait.
c.JupyterHub.init_spawners_timeout = 2

# A proxy that was started anew gets its routes back within this many seconds; activity is noted bit by bit.
c.JupyterHub.last_activity_interval = 10
c.JupyterHub.proxy_class = "spawner.sparing_proxy.SparingProxy"
# Jobs that wait in a queue count as spawns that are pending; the queue has its own limits.
c.JupyterHub.concurrent_spawn_limit = 0
# The proxy runs on this machine: the addresses that it reports are the users' own.
c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]
# Browsers guess no types, tell other sites no addresses of ours, and send cookies to this site alone. They
# keep no page either: after a log-out, Back must not show whose it was. Static files have their own rule.
c.JupyterHub.tornado_settings = {
    "headers": {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    },
    "cookie_options": {"samesite": "Lax"},
    "xsrf_cookie_kwargs": {"samesite": "Lax"},
}

# What you see
c.JupyterHub.template_paths = [str(pages.TEMPLATES)]
c.JupyterHub.template_vars = pages.TEMPLATE_VARS
c.JupyterHub.jinja_environment_options = {"extensions": pages.EXTENSIONS}


# The hub's services: one process each, which ends when this one does
def service(name, url, *variables):
    known = ("PATH", "PYTHONPATH", "SLURM_CONF", "HPCHUB_QUEUES", *variables)
    return {
        "name": name,
        "url": os.environ.get(f"HPCHUB_{name.upper()}_SERVICE_URL", url),
        "command": [sys.executable, "-m", f"services.{name}"],
        "cwd": str(Path(__file__).resolve().parent),
        "environment": {
            "HPCHUB_HUB_PID": str(os.getpid()),
            **{variable: os.environ[variable] for variable in known if variable in os.environ},
        },
        "oauth_no_confirm": True,
        "display": True,
    }


c.JupyterHub.services = [service("queues", "http://127.0.0.1:18110")]
# Only where the site has environments.
if "HPCHUB_ENVIRONMENTS" in os.environ:
    ours = ("ENVIRONMENTS", "ACTS_AS_USER", "JOB_PYTHON", "JOB_RUNNER", "HUB_NAME")
    variables = [f"HPCHUB_{name}" for name in ours]
    c.JupyterHub.services.append(service("environments", "http://127.0.0.1:18111", *variables))
scopes = [f"access:services!service={one['name']}" for one in c.JupyterHub.services]
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", *scopes]}]

if site := os.environ.get("HPCHUB_SITE_CONFIG"):
    load_subconfig(site)

# Their pages have the entries of the hub's in the header, as far as these are ours
shown = [one["name"] for one in c.JupyterHub.services if one.get("display", True)]
header = [name for name in shown if name in ("queues", "environments")]
if c.JupyterHub.authenticator_class == "authenticator.LDAPOTPAuthenticator":
    header.append("otp")
for one in c.JupyterHub.services:
    if one["name"] in ("queues", "environments"):
        one.setdefault("environment", {})["HPCHUB_HEADER"] = ",".join(header)
