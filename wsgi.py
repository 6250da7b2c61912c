"""What gunicorn loads: gevent patches the standard library first, then the application is made."""

from gevent import monkey

# Before any other import: a module that took an unpatched socket or lock would block its worker.
monkey.patch_all()

from app import create_app  # noqa: E402 - see above

app = create_app()
