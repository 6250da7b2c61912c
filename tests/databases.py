"""The databases that tests run on: SQLite and PostgreSQL, each with a template to start from.

PostgreSQL is looked for at SWITCHYARD_TEST_POSTGRESQL_URL. Where it can't be reached, its tests
skip; under CI they fail. TEST_DATABASES=sqlite (or postgresql) runs on one kind only.
"""

import os
import shutil
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from app import create_app
from models.database import close_database, db
from services import stock

ROOT = Path(__file__).resolve().parents[1]
POSTGRESQL_URL = os.environ.get(
    "SWITCHYARD_TEST_POSTGRESQL_URL", "postgresql+psycopg://root@127.0.0.1:5432/postgres"
)
KINDS = os.environ.get("TEST_DATABASES", "sqlite,postgresql").split(",")
_PREFIX = "switchyard_test_"


def parametrize(metafunc, fixture):
    """Run a test that uses this fixture on each kind, or on those of its `databases` mark alone."""
    if fixture in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("databases")
        kinds = [kind for kind in KINDS if mark is None or kind in mark.args]
        metafunc.parametrize(fixture, kinds, indirect=True)


def make_template(kind, folder):
    """A migrated database with the stock records, of `sqlite` or `postgresql`."""
    return {"sqlite": SqliteTemplate, "postgresql": PostgresqlTemplate}[kind](folder)


def _prepare(folder, url):
    """Migrate a database and add the stock records; nobody has it open any more."""
    environment = os.environ | {
        "SWITCHYARD_INSTANCE_PATH": str(folder),
        "SWITCHYARD_DATABASE_URL": url,
    }
    command = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    app = create_app({"INSTANCE_PATH": folder, "DATABASE_URL": url})
    with app.app_context():
        db.write(lambda connection: stock.seed(connection, app.config))
        if url.startswith("sqlite"):
            with db.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        close_database()


class SqliteTemplate:
    """A database file to copy."""

    def __init__(self, folder):
        self._path = folder / "switchyard.db"
        _prepare(folder, f"sqlite:///{self._path}")

    def copy(self, instance):
        """The URL of an instance's own database: a copy, unless it has one already."""
        path = instance / "switchyard.db"
        if not path.exists():
            shutil.copyfile(self._path, path)
        return f"sqlite:///{path}"

    def close(self):
        """Nothing is left but files."""


class PostgresqlTemplate:
    """A database whose rows are put back for each test: that is faster than to copy it."""

    def __init__(self, folder):
        check_postgresql()
        drop_leftovers()
        self._folder = folder
        self._instances = []
        self._make()

    def _make(self):
        self.url = make_database()
        _prepare(self._folder, self.url)
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        with _connected(self.url) as connection:
            connection.execute("CREATE SCHEMA pristine")
            self._tables = [row[0] for row in connection.execute(query)]
            for table in self._tables:
                connection.execute(f'CREATE TABLE pristine."{table}" AS TABLE public."{table}"')

    def copy(self, instance):
        """The URL of an instance's own database, as the template was, unless it has one."""
        if instance not in self._instances:
            try:
                self._reset()
            except psycopg.errors.UndefinedTable:
                # A test dropped one to see what happens.
                self.close()
                self._make()
            self._instances.append(instance)
        return self.url

    def _reset(self):
        """Put all rows back; numbers of rows go on counting."""
        statements = ["SET LOCAL session_replication_role = replica"]
        for table in self._tables:
            statements.append(f'DELETE FROM public."{table}"')
            statements.append(f'INSERT INTO public."{table}" SELECT * FROM pristine."{table}"')
        with _connected(self.url) as connection:
            connection.execute("; ".join(["BEGIN", *statements, "COMMIT"]))

    def close(self):
        """Drop it."""
        drop_database(self.url)


@contextmanager
def for_server(kind):
    """The settings of a server that is to run on an empty database of this kind."""
    if kind == "sqlite":
        yield {}
        return
    check_postgresql()
    drop_leftovers()
    url = make_database()
    try:
        yield {"DATABASE_URL": url}
    finally:
        drop_database(url)


def check_postgresql():
    """Skip the test without PostgreSQL; fail where it has to be there."""
    try:
        with _connected(POSTGRESQL_URL):
            return
    except psycopg.OperationalError as error:
        reason = f"PostgreSQL is not there: {error}".strip()
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def make_database():
    """A new, empty database; its URL. Its name says which process it belongs to."""
    name = f"{_PREFIX}{os.getpid()}_{uuid.uuid4().hex[:8]}"
    with _connected(POSTGRESQL_URL) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        )
        # Tests need no disk that survives a loss of power.
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        )
    return sa.make_url(POSTGRESQL_URL).set(database=name).render_as_string(hide_password=False)


def drop_database(url):
    """Drop a database that `make_database()` made, whoever is connected."""
    name = sa.make_url(url).database
    with _connected(POSTGRESQL_URL) as connection:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(statement.format(sql.Identifier(name)))


def drop_leftovers():
    """Drop what test processes left that were killed."""
    with _connected(POSTGRESQL_URL) as connection:
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        names = [row[0] for row in connection.execute(query, [_PREFIX])]
    for name in names:
        pid = name.removeprefix(_PREFIX).partition("_")[0]
        if not Path(f"/proc/{pid}").exists():
            drop_database(f"postgresql:///{name}")


@contextmanager
def _connected(url):
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True, connect_timeout=3) as connection:
        yield connection
