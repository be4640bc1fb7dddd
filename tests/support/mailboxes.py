"""Real IMAP servers for tests: pymap, which pip installs, and Dovecot where the machine has it."""

import asyncio
import grp
import imaplib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from services.connectors.drivers.imap.names import mailbox
from tests.support.ports import free_ports

T = TypeVar("T")
USER, PASSWORD = "anna", "opensesame"
_START_SECONDS = 20.0
_PYMAP = "from pymap.main import main; main()"


@dataclass
class MailServer:
    """A server with one mailbox. What is done here is done by the standard library's client."""

    port: int
    host: str = "127.0.0.1"
    _client: imaplib.IMAP4 | None = field(default=None, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False)

    async def put(self, *mails: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        """Let these mails arrive, now or at another time."""

        def put(client: imaplib.IMAP4) -> None:
            for mail in mails:
                client.append(mailbox(folder).decode(), "", at or datetime.now().astimezone(), mail)

        await self._done(put)

    async def create(self, folder: str) -> None:
        """Make a folder anew: what was in it is gone, and its numbering starts afresh."""

        def create(client: imaplib.IMAP4) -> None:
            client.delete(mailbox(folder).decode())
            client.create(mailbox(folder).decode())

        await self._done(create)

    async def unread(self, folder: str = "INBOX") -> int:
        """How many mails nobody has seen."""
        return len(await self._search(folder, "UNSEEN"))

    async def count(self, folder: str = "INBOX") -> int:
        """How many mails there are."""
        return len(await self._search(folder, "ALL"))

    async def expunge(self, folder: str = "INBOX") -> None:
        """Delete every mail."""

        def expunge(client: imaplib.IMAP4) -> None:
            client.select(mailbox(folder).decode())
            if client.search(None, "ALL")[1][0]:
                client.store("1:*", "+FLAGS", "\\Deleted")
                client.expunge()

        await self._done(expunge)

    async def _search(self, folder: str, criterion: str) -> list[bytes]:
        def search(client: imaplib.IMAP4) -> list[bytes]:
            client.select(mailbox(folder).decode(), readonly=True)
            found: list[bytes] = client.search(None, criterion)[1][0].split()
            return found

        return await self._done(search)

    async def _done(self, work: Callable[[imaplib.IMAP4], T]) -> T:
        return await asyncio.to_thread(self._in_session, work)

    def _in_session(self, work: Callable[[imaplib.IMAP4], T]) -> T:
        """In the session that there is: logging in takes longer than all else."""
        with self._one_at_a_time:
            self._client = self._client or self._logged_in()
            try:
                return work(self._client)
            except (OSError, imaplib.IMAP4.error):
                # A folder that is open here may have been deleted.
                self._client = self._logged_in()
                return work(self._client)
            finally:
                with suppress(OSError, imaplib.IMAP4.error):
                    self._client.unselect()

    def _logged_in(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4(self.host, self.port, timeout=10)
        client.login(USER, PASSWORD)
        return client

    def close(self) -> None:
        """End the session."""
        if self._client is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                self._client.shutdown()


@contextmanager
def pymap() -> Iterator[MailServer]:
    """An asyncio IMAP server in a process of its own, mail in memory."""
    [port] = free_ports(1)
    command = [sys.executable, "-c", _PYMAP, "--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    with _running([*command, "dict", "--demo-user", USER, "--demo-password", PASSWORD], port) as server:
        yield server


def has_dovecot() -> bool:
    """Whether this machine has Dovecot with IMAP."""
    return _dovecot() is not None and Path("/usr/lib/dovecot/imap").exists()


@contextmanager
def dovecot() -> Iterator[MailServer]:
    """Dovecot as an ordinary user with a configuration of its own."""
    binary = _dovecot()
    assert binary, "no dovecot here"
    [port] = free_ports(1)
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    with tempfile.TemporaryDirectory(prefix="dovecot", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        (folder / "dovecot.conf").write_text(_settings(folder, port, user))
        if os.geteuid() == 0:
            os.chown(folder, user.pw_uid, user.pw_gid)
        command = [binary, "-F", "-c", str(folder / "dovecot.conf")]
        with _running(command, port, user) as server:
            yield server


def _dovecot() -> str | None:
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _settings(folder: Path, port: int, user: pwd.struct_passwd) -> str:
    group = grp.getgrgid(user.pw_gid).gr_name
    return f"""
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
default_internal_user = {user.pw_name}
default_internal_group = {group}
default_login_user = {user.pw_name}
mail_uid = {user.pw_uid}
mail_gid = {user.pw_gid}
first_valid_uid = {user.pw_uid}
first_valid_gid = {user.pw_gid}
mail_location = maildir:{folder}/mail/%u
mailbox_idle_check_interval = 1 secs
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user.pw_uid} gid={user.pw_gid} home={folder}/mail/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


@contextmanager
def _running(command: list[str], port: int, user: pwd.struct_passwd | None = None) -> Iterator[MailServer]:
    who: dict[str, Any] = {}
    if user and os.geteuid() == 0:
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **who)
        try:
            _wait(process, port, log)
            server = MailServer(port)
            try:
                yield server
            finally:
                server.close()
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: BinaryIO) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with suppress(OSError, imaplib.IMAP4.error):
            imaplib.IMAP4("127.0.0.1", port, timeout=2).logout()
            return
        if process.poll() is not None or time.monotonic() > deadline:
            log.seek(0)
            raise RuntimeError(f"the mail server did not start: {log.read()[-500:]!r}")
        time.sleep(0.05)
