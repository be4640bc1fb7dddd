"""The text of a nats-server configuration: a pure function of what should be in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Grant:
    """The subjects a user may publish to and subscribe to; nothing else. With `answers`, also to reply."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answers: bool = False


@dataclass(frozen=True)
class User:
    """Known by a public NKey, or by name and password (tests only). Without a grant, no bounds."""

    nkey: str = ""
    name: str = ""
    password: str = ""
    grant: Grant | None = None


@dataclass(frozen=True)
class Limits:
    """What one account may use. `payload` is in bytes."""

    connections: int
    payload: int
    subscriptions: int


@dataclass(frozen=True)
class Export:
    """A subject that other accounts may publish to and be answered on."""

    subject: str
    to: tuple[str, ...]


@dataclass(frozen=True)
class Import:
    """Another account's exported subject, reachable under `local`."""

    account: str
    subject: str
    local: str


@dataclass(frozen=True)
class Account:
    """A world of its own: nothing crosses its border but exports and imports."""

    name: str
    users: tuple[User, ...]
    jetstream: bool = False
    exports: tuple[Export, ...] = ()
    imports: tuple[Import, ...] = ()
    limits: Limits | None = None


@dataclass(frozen=True)
class ServerConfig:
    """Everything in the file. `max_...` are in bytes. What is acknowledged has been synced to disk.

    With a `monitor_port` the server answers on loopback alone whether it is healthy.
    """

    server_name: str
    port: int
    store: PurePath
    accounts: Sequence[Account]
    system_account: str
    host: str = "127.0.0.1"
    max_payload: int = MEGABYTE
    max_store: int = 16 * 1024 * MEGABYTE
    max_memory: int = 64 * MEGABYTE
    monitor_port: int = 0


def render(config: ServerConfig) -> str:
    """The configuration file. To others than itself the server says how it is by its system account alone."""
    lines = [
        f"server_name: {_quoted(config.server_name)}",
        f"host: {_quoted(config.host)}",
        f"port: {config.port}",
        *([f'http: "127.0.0.1:{config.monitor_port}"'] if config.monitor_port else []),
        f"max_payload: {config.max_payload}",
        "write_deadline: 10s",
        "lame_duck_duration: 30s",
        "lame_duck_grace_period: 1s",
        "jetstream {",
        f"  store_dir: {_quoted(str(config.store))}",
        "  sync_interval: always",
        f"  max_file_store: {config.max_store}",
        f"  max_memory_store: {config.max_memory}",
        "}",
        f"system_account: {_quoted(config.system_account)}",
        "accounts {",
        *(f"  {line}" for account in config.accounts for line in _account(account)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _account(account: Account) -> list[str]:
    lines = [f"{_quoted(account.name)}: {{"]
    if account.jetstream:
        lines.append("  jetstream: enabled")
    if account.limits:
        lines += _limits(account.limits)
    lines += _block("users", [_user(user) for user in account.users])
    lines += _block("exports", [_export(export) for export in account.exports])
    lines += _block("imports", [_import(imported) for imported in account.imports])
    return [*lines, "}"]


def _block(name: str, entries: list[str]) -> list[str]:
    return [f"  {name}: [", *(f"    {entry}" for entry in entries), "  ]"] if entries else []


def _limits(limits: Limits) -> list[str]:
    return [
        "  limits: {",
        f"    max_connections: {limits.connections}",
        f"    max_payload: {limits.payload}",
        f"    max_subscriptions: {limits.subscriptions}",
        "  }",
    ]


def _user(user: User) -> str:
    if user.nkey:
        who = f"nkey: {_quoted(user.nkey)}"
    else:
        who = f"user: {_quoted(user.name)}, password: {_quoted(user.password)}"
    return f"{{ {who}{_grant(user.grant)} }}"


def _grant(grant: Grant | None) -> str:
    if grant is None:
        return ""
    publish, subscribe = _subjects(grant.publish), _subjects(grant.subscribe)
    answers = ", allow_responses: true" if grant.answers else ""
    return f", permissions: {{ publish: {publish}, subscribe: {subscribe}{answers} }}"


def _subjects(subjects: tuple[str, ...]) -> str:
    # An empty allow list would allow everything.
    if not subjects:
        return '{ deny: [">"] }'
    allowed = "".join(f"\n        {_quoted(subject)}" for subject in subjects)
    return f"{{ allow: [{allowed}\n      ] }}"


def _export(export: Export) -> str:
    to = ", ".join(map(_quoted, export.to))
    return f"{{ service: {_quoted(export.subject)}, accounts: [{to}] }}"


def _import(imported: Import) -> str:
    source = f"account: {_quoted(imported.account)}, subject: {_quoted(imported.subject)}"
    return f"{{ service: {{ {source} }}, to: {_quoted(imported.local)} }}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
