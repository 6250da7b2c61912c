"""How gunicorn serves the API: gevent workers, address and number of workers from the settings."""

import logging
import signal
import sys
from pathlib import Path
from typing import Any

# gunicorn may be started from any folder with `-c`; the settings lie beside this file.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import gunicorn.http.wsgi
import gunicorn.util

from core import garbage
from core.config import load
from core.redaction import Redaction
from deploy.refusals import write_error

# What replies say of their server, and how those are answered who send no HTTP: gunicorn has no
# settings for it.
gunicorn.http.wsgi.SERVER = "Switchyard"
gunicorn.util.write_error = write_error

_settings = load()

bind = _settings["BIND"]
workers = _settings["WORKERS"]
worker_class = "gevent"
worker_connections = 2000
backlog = 2048
# Each worker makes its own application: threads and sockets don't survive a fork.
preload_app = False

# Seconds. A client may keep an idle connection for half a minute; a worker that has not turned its
# loop for a minute is replaced; at the end open streams get a moment to finish.
keepalive = 30
timeout = 60
graceful_timeout = 5

# Bytes and counts. Parameters may come in the URL, so it may be as long as gunicorn allows.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190

# The URLs of magic links, and some queries, are credentials: there is no access log, and what
# gunicorn says of requests that fail goes through a filter.
accesslog = None
logging.getLogger("gunicorn.error").addFilter(Redaction())
errorlog = "-"
# "Starting", "Listening", "Booting" at each start are noise beside the supervisor's own lines.
loglevel = "warning"
proc_name = "switchyard-web"

# Its default path is the same for every gunicorn of this user, and nothing here uses it.
control_socket_disable = True


def post_fork(_server: Any, _worker: Any) -> None:
    """Let a SIGTERM end a worker that is still starting.

    Until the worker sets its own handlers it has those of its parent, which would swallow the
    signal: the worker would then live, and hold the address, until it is killed.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def post_worker_init(_worker: Any) -> None:
    """The application is loaded."""
    garbage.settle()
