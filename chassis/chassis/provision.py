"""A service's role and database, made where the migration is given the master's credentials.

Only a migration ever has these: a managed master password rotates, and a server that was started
with it would be shut out. The service's own password is in DATABASE_URL and stays.
"""

import sys

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr
from pydantic_settings import BaseSettings

# Any number; all services of a server that they share wait for each other on it.
ADVISORY_LOCK = 7_346_002


class Master(BaseSettings):
    """Who may make roles and databases on the server; nobody where the variables are not set."""

    database_master_user: str = ""
    database_master_password: SecretStr = SecretStr("")


def provision(database_url: str, master: Master) -> None:
    """Make what `database_url` names, with its password, for its role alone; twice is once.

    Ends the command with one line where the server refuses.
    """
    wanted = conninfo_to_dict(database_url)
    role, password = str(wanted.get("user", "")), str(wanted.get("password", ""))
    name = master.database_master_user
    if not role or not password or role == name:
        sys.exit(
            f"DATABASE_URL must name a role of the service's own, with its password;"
            f" it names '{role}', and the master is '{name}'."
        )
    as_master = make_conninfo(
        database_url,
        user=name,
        password=master.database_master_password.get_secret_value(),
        dbname="postgres",
        application_name="provision",
    )
    try:
        with psycopg.connect(as_master, autocommit=True, connect_timeout=10) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
            _make_role(connection, role, password)
            _make_database(connection, str(wanted.get("dbname") or role), role)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        sys.exit(f"The master '{name}' cannot make the role and database '{role}': {reason}")


def _make_role(connection: psycopg.Connection, role: str, password: str) -> None:
    # Hashed here: the server's log may show the statement.
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
        sql.SQL("CREATE" if found is None else "ALTER"),
        sql.Identifier(role),
        sql.Literal(hashed.decode()),
    )
    connection.execute(statement)
    # A master that is no superuser, as in the cloud, may only give a database to a role it is in.
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))


def _make_database(connection: psycopg.Connection, name: str, role: str) -> None:
    database, owner = sql.Identifier(name), sql.Identifier(role)
    found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone()
    if found is None:
        # Nobody can be connected to template0, which would stop the copy.
        statement = "CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0"
        connection.execute(sql.SQL(statement).format(database, owner))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
