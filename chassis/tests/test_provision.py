"""A migration that knows the master makes its own database first, on a server with passwords."""

import asyncio
import ipaddress
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg import sql
from psycopg.conninfo import make_conninfo

from chassis.migrate import migrate_command
from chassis.settings import ServiceSettings
from chassis.testing import SECRET
from forum import ports, postgres
from forum.leashed import leashed

MIGRATIONS = Path(__file__).parent / "migrations"
SUPERUSER_PASSWORD = "the superuser of a test"
MASTER_PASSWORD = "the master of a test"


@dataclass(frozen=True)
class Server:
    """A server that asks for passwords, which that of the other tests does not."""

    port: int

    def url(self, role: str, password: str, database: str) -> str:
        return make_conninfo(
            host="127.0.0.1", port=self.port, user=role, password=password, dbname=database
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    (port,) = ports.free(1)
    # As root PostgreSQL runs as another user, whom pytest's own folder is closed to.
    with tempfile.TemporaryDirectory(prefix="forum-provision-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "postgres"
        postgres.prepare(data, SUPERUSER_PASSWORD)
        with subprocess.Popen(
            leashed(postgres.command(data, port), user=postgres.user())
        ) as process:
            made = Server(port)
            superuser = made.url("postgres", SUPERUSER_PASSWORD, "postgres")
            deadline = time.monotonic() + 20
            while not postgres.answers(data, superuser):
                assert process.poll() is None, "PostgreSQL has ended"
                assert time.monotonic() < deadline, "PostgreSQL does not answer"
                time.sleep(0.01)
            with psycopg.connect(superuser, autocommit=True) as connection:
                # No superuser, as in the cloud.
                statement = sql.SQL("CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD {}")
                connection.execute(statement.format(MASTER_PASSWORD))
            yield made
            process.send_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def as_master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_MASTER_USER", "master")
    monkeypatch.setenv("DATABASE_MASTER_PASSWORD", MASTER_PASSWORD)


def run(database_url: str, authority: str = "") -> None:
    settings = ServiceSettings(
        database_url=database_url, database_ca=authority, idempotency_secret=SECRET
    )
    migrate_command(settings, MIGRATIONS)


def tables(database_url: str) -> set[str]:
    with psycopg.connect(database_url) as connection:
        mine = "SELECT tablename FROM pg_tables WHERE tableowner = current_user"
        return {name for (name,) in connection.execute(mine).fetchall()}


def test_it_makes_role_and_database_and_migrates_as_the_role(server: Server) -> None:
    url = server.url("fresh", "first password", "fresh")
    run(url)
    assert "alembic_version" in tables(url)
    with psycopg.connect(url) as connection:
        role = connection.execute(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = 'fresh'"
        ).fetchone()
    assert role == (False,)


def test_twice_is_once(server: Server) -> None:
    url = server.url("twice", "a password", "twice")
    run(url)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    run(url)
    assert "kept" in tables(url)


def test_two_at_once_both_end_well(server: Server) -> None:
    url = server.url("both", "a password", "both")
    failed: list[BaseException] = []

    def provision_and_migrate() -> None:
        try:
            run(url)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is told to the test
            failed.append(error)

    threads = [threading.Thread(target=provision_and_migrate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_changed_password_is_taken_over(server: Server) -> None:
    old, new = (server.url("changed", word, "changed") for word in ("old one", "new one"))
    run(old)
    run(new)
    assert "alembic_version" in tables(new)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(old)


def test_the_role_cannot_reach_the_database_of_another(server: Server) -> None:
    for name in ("one", "other"):
        run(server.url(name, "a password", name))
    with pytest.raises(psycopg.OperationalError, match='permission denied for database "one"'):
        psycopg.connect(server.url("other", "a password", "one"))


def test_names_and_passwords_with_odd_characters(server: Server) -> None:
    role, password, database = 'o"dd; DROP ROLE', "it's \\ 100 % §", "Ödd-'\"base"
    url = server.url(role, password, database)
    run(url)
    run(url)
    assert "alembic_version" in tables(url)


def test_a_wrong_master_password_is_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_MASTER_PASSWORD", "a wrong one")
    with pytest.raises(SystemExit) as ended:
        run(server.url("refused", "a password", "refused"))
    line = str(ended.value)
    assert "'master' cannot make the role and database 'refused'" in line
    assert "password authentication failed" in line
    assert "\n" not in line
    assert "a wrong one" not in line


def test_the_master_is_no_role_for_a_service(server: Server) -> None:
    with pytest.raises(SystemExit, match="a role of the service's own"):
        run(server.url("master", MASTER_PASSWORD, "postgres"))


def test_a_role_that_is_not_the_masters_is_one_line(server: Server) -> None:
    with psycopg.connect(
        server.url("postgres", SUPERUSER_PASSWORD, "postgres"), autocommit=True
    ) as connection:
        connection.execute("CREATE ROLE foreign_role LOGIN")
    with pytest.raises(SystemExit, match="permission denied"):
        run(server.url("foreign_role", "a password", "foreign_role"))


def test_without_a_master_it_only_migrates(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.url("alone", "a password", "alone")
    monkeypatch.delenv("DATABASE_MASTER_USER")
    with pytest.raises(SystemExit, match=r'^Cannot migrate: .*failed for user "alone"$'):
        run(url)


def test_tls_is_checked_against_the_authority_that_the_environment_gives(server: Server) -> None:
    authority, serving = certificates("127.0.0.1")
    stranger, _ = certificates("127.0.0.1")
    with tls(serving, server.port) as port:
        url = Server(port).url("tls", "a password", "tls") + " sslmode=verify-full"
        run(url, authority)
        with pytest.raises(SystemExit, match="certificate verify failed"):
            run(url, stranger)


def test_a_certificate_for_another_host_is_refused(server: Server) -> None:
    authority, serving = certificates("192.0.2.1")
    with tls(serving, server.port) as port:
        url = Server(port).url("tls", "a password", "tls") + " sslmode=verify-full"
        with pytest.raises(SystemExit, match=r"192\.0\.2\.1"):
            run(url, authority)


def certificates(address: str) -> tuple[str, ssl.SSLContext]:
    """A new authority's certificate, and what serves a certificate of it for `address`."""
    now = datetime.now(UTC)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    # A name of its own each time: otherwise a stranger's signature would be tried first.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {uuid.uuid4()}")])
    builder = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )
    authority = (
        builder.subject_name(name)
        .public_key(authority_key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        builder.subject_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=True,
        )
        .sign(authority_key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    return authority.public_bytes(serialization.Encoding.PEM).decode(), context


@contextmanager
def tls(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """The server behind TLS, on a port of its own: the one of the wheel is built without."""
    started: Queue[tuple[int, Callable[[], object]]] = Queue()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the request for TLS as PostgreSQL does, and pass on what is inside."""
        async with closing(writer):
            assert await reader.readexactly(8) == bytes.fromhex("00000008 04d2162f")
            writer.write(b"S")
            await writer.start_tls(context)
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            async with closing(inner_writer):
                await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    async def listen() -> None:
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        async with await asyncio.start_server(relay, "127.0.0.1", 0) as listener:
            taken = listener.sockets[0].getsockname()[1]
            started.put((taken, lambda: loop.call_soon_threadsafe(ended.set)))
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    own_port, end = started.get(timeout=10)
    yield own_port
    end()
    thread.join()


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """A connection that either side may end as it likes."""
    try:
        with suppress(ssl.SSLError, ConnectionError):
            yield
    finally:
        writer.close()
        with suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, and its end."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
