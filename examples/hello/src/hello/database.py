"""The counter: one row in SQLite, shared by all worker processes."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

SCHEMA_VERSION = 1
BUSY_TIMEOUT_SECONDS = 10


@contextlib.contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an existing database; one transaction, committed when the block ends well."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_SECONDS
    )
    with contextlib.closing(connection), connection:
        yield connection


def initialise(path: Path) -> None:
    """Make the database, or bring it up to date; may run at any time, any number of times."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)
    with contextlib.closing(connection):
        # Readers and one writer at once; the mode is kept in the file.
        connection.execute("PRAGMA journal_mode=WAL")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS visits"
                " (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL)"
            )
            connection.execute("INSERT OR IGNORE INTO visits VALUES (1, 0)")
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def visit(path: Path) -> int:
    """Count one visit and return how many there are now."""
    with connect(path) as connection:
        # One statement: two workers never count the same number.
        row = connection.execute("UPDATE visits SET number = number + 1 RETURNING number")
        return int(row.fetchone()[0])


def count(path: Path) -> int:
    """Return how many visits there were."""
    with connect(path) as connection:
        return int(connection.execute("SELECT number FROM visits").fetchone()[0])


def check(path: Path) -> None:
    """Raise ``sqlite3.Error`` unless the database is there, up to date and writable."""
    with connect(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"schema {version} instead of {SCHEMA_VERSION}")
