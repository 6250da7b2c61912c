"""Servers for tests that kill: one per module, started again where a test left it stopped."""

import pytest

from tests import databases
from tests.server import Server


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory):
    """A server that the tests of one module share; on SQLite, unless the module says otherwise."""
    with databases.for_server(getattr(request, "param", "sqlite")) as settings:
        server = Server(tmp_path_factory.mktemp("faults"), **settings)
        try:
            yield server.start()
        finally:
            server.clear()


@pytest.fixture
def server(shared):
    """The module's server, running."""
    if not shared.is_running:
        shared.start()
    return shared
