"""Reads mailboxes over IMAP: one connection for each folder, so that news of all come at once."""

import asyncio

from services.connectors.drivers.imap.account import Account
from services.connectors.drivers.imap.folder import Folder
from services.connectors.drivers.imap.places import Places
from services.connectors.drivers.imap.responses import Garbled
from services.connectors.drivers.imap.wire import Gone, Refused
from services.connectors.drivers.inlet import Inlet, Unreachable

_MEGABYTE = 1024 * 1024


async def drive(inlet: Inlet) -> None:
    """Follow every folder until one of them fails. Raises Unreachable."""
    settings = inlet.channel.settings
    most = (settings.number("largest") or 10) * _MEGABYTE
    account, places = Account(inlet, most), Places(inlet.cursor)
    folders = settings.texts("folders") or ("INBOX",)
    following = [asyncio.create_task(_follow(account, places, name)) for name in dict.fromkeys(folders)]
    try:
        for done in asyncio.as_completed(following):
            await done
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


async def _follow(account: Account, places: Places, name: str) -> None:
    try:
        async with account.session() as wire:
            await Folder(account.inlet, wire, places, name, account.most).follow()
    except (Gone, Refused, Garbled) as error:
        host = account.inlet.channel.settings.text("host")
        raise Unreachable(f"{host}: {error}; it is tried again") from error
