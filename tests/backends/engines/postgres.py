"""A real PostgreSQL server, started for the tests from the binaries of the system's package.

It listens on a socket in a folder of its own and on no network, and is gone with that folder afterwards. PostgreSQL
refuses to run as root, so that root starts it as another user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.backends.engines.tables import Stored, Table, quoted

ABSENT: Final = "PostgreSQL is not installed (Debian: apt-get install postgresql): ITS DIALECT IS NOT TESTED HERE"
TYPES: Final[dict[Stored, str]] = {
    "boolean": "boolean",
    "integer": "bigint",
    "float": "double precision",
    "decimal": "numeric",
    "text": "text",
    "date": "date",
    "datetime": "timestamp",
}


class Postgres:
    """One open connection; every statement is its own transaction, so that an error ends nothing else."""

    dialect = "postgres"

    def __init__(self, socket: Path) -> None:
        import psycopg  # noqa: PLC0415 - optional

        # Nothing is prepared: the tables of the tests have one name and other columns each time.
        self.connection = psycopg.connect(
            host=str(socket), user="crm_rules", dbname="postgres", autocommit=True, prepare_threshold=None
        )

    def run(self, table: Table, query: str) -> list[dict[str, Any]]:
        """The rows of the query; the table is made before and dropped after."""
        columns = ", ".join(f"{quoted(name)} {TYPES[stored]}" for name, stored in table.columns.items())
        marks = ", ".join("%s" for _ in table.columns)
        self.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
        try:
            with self.connection.cursor() as cursor:
                insert = f"INSERT INTO {quoted(table.name).replace('%', '%%')} VALUES ({marks})"  # noqa: S608 - a test
                cursor.executemany(insert, list(table.rows))
            return self.execute(query)
        finally:
            self.execute(f"DROP TABLE {quoted(table.name)}")

    def execute(self, *statements: str) -> list[dict[str, Any]]:
        """The rows of the last statement, none where it has none."""
        rows: list[dict[str, Any]] = []
        for statement in statements:
            with self.connection.cursor() as cursor:
                cursor.execute(statement)
                names = [column.name for column in cursor.description or ()]
                rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []
        return rows


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl` of the newest PostgreSQL here, or None."""
    found = shutil.which("postgres")
    if found is not None and (Path(found).resolve().parent / "initdb").exists():
        return Path(found).resolve().parent
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def server(programs: Path) -> Iterator[Path]:
    """Start a server and give the folder of its socket; stop it and remove everything afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="crm-rules-"))  # short: the path of a socket has at most 107 bytes
    user = pwd.getpwnam(ordinary_user()) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    if os.geteuid() == 0:
        os.chown(folder, user.pw_uid, user.pw_gid)

    def run(program: str, *arguments: str) -> None:
        who: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run(
            [programs / program, *arguments],
            check=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server does
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
            **(who if os.geteuid() == 0 else {}),
        )

    data = folder / "data"
    settings = f"-k {folder} -c listen_addresses= -c fsync=off -c timezone=UTC"
    try:
        run("initdb", "-D", str(data), "-U", "crm_rules", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def ordinary_user() -> str:
    """A user that is not root: the one of PostgreSQL's package, else the one that owns nothing."""
    known = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
