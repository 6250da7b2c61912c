"""What gunicorn loads: gevent patches the standard library first, then the application is made."""

from gevent import monkey

# Before any other import: a module that took an unpatched socket or lock would block its worker.
monkey.patch_all()

import gc  # noqa: E402 - see above

from app import create_app  # noqa: E402

app = create_app()

# What exists now lives as long as the process: the garbage collector need not look at it again,
# and, as requests leave next to no cycles, need not look as often as it does by default.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
