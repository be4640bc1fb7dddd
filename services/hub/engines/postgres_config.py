"""PostgreSQL's settings: small in memory, silent about people, never less than durable."""

from pathlib import Path

ACCESS = "local all all trust\nlocal replication postgres trust\n"
"""Whoever may open the socket is trusted; its folder is closed to everybody but the owner. The second line
lets `pg_basebackup` in."""

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""An acknowledged commit is on disk."""

SMALL = {
    "shared_buffers": "16MB",
    "huge_pages": "off",
    "work_mem": "4MB",
    "maintenance_work_mem": "16MB",
    "temp_buffers": "1MB",
    "wal_buffers": "1MB",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "jit": "off",
}
"""One hub on one machine; compiling its short queries would cost more than running them."""

FEW_PROCESSES = {
    "io_method": "sync",
    "max_worker_processes": 2,
    "max_parallel_workers": 0,
    "max_parallel_workers_per_gather": 0,
    "max_parallel_maintenance_workers": 0,
    "max_logical_replication_workers": 0,
    "max_wal_senders": 2,
    "max_replication_slots": 0,
    "autovacuum_worker_slots": 1,
    "autovacuum_max_workers": 1,
}
"""Each process costs memory also when idle."""

SILENT = {
    "logging_collector": "off",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
"""A statement or a row in the log would be personal data."""


def render(sockets: Path, access: Path, max_connections: int) -> str:
    """The configuration file of a server that can be reached through one socket only."""
    reachable = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "hba_file": str(access),
        "max_connections": max_connections,
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    settings = {**reachable, **DURABLE, **SMALL, **FEW_PROCESSES, **SILENT}
    return "".join(f"{name} = {_value(value)}\n" for name, value in settings.items())


def _value(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
