"""Fixtures for tests of the layers: an application on a database of its own."""

import os

import pytest
from werkzeug.routing import Rule

from tests import databases, factories

_compile_builder = Rule._compile_builder
_builders = {}


def _compile_once(rule, append_unknown=True):
    """What builds a rule's URLs: the same for the same rule, of whichever application."""
    key = (rule.rule, append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


# Nearly all of the time that it takes to make an application, and most tests make one.
Rule._compile_builder = _compile_once


def pytest_xdist_auto_num_workers(config):
    """How many tests run side by side: one more than cores, because most of them wait."""
    return (os.cpu_count() or 1) + 1


def pytest_generate_tests(metafunc):
    databases.parametrize(metafunc, "template_database")


@pytest.fixture(scope="session")
def template_database(request, tmp_path_factory):
    """A migrated database with the stock records, made once, of each kind."""
    template = databases.make_template(request.param, tmp_path_factory.mktemp("template"))
    yield template
    template.close()


@pytest.fixture
def app(tmp_path, template_database):
    """An application in a folder of its own, with the stock records, its context pushed."""
    with factories.application(tmp_path / "instance", template_database) as app:
        yield app
