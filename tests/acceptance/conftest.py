"""One server of each kind for all acceptance tests: they use only HTTP and signals."""

import pytest

from tests import databases
from tests.server import Server


def pytest_generate_tests(metafunc):
    databases.parametrize(metafunc, "server")


@pytest.fixture(scope="session")
def server(request, tmp_path_factory):
    """`make serve` on each database, started once; each test makes the events that it needs."""
    with databases.for_server(request.param) as settings:
        server = Server(tmp_path_factory.mktemp("acceptance"), **settings)
        try:
            yield server.start()
        finally:
            server.clear()
