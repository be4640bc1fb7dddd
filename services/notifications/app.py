"""Puts notifications together."""

import ssl
import uuid
from datetime import timedelta
from random import Random

from services.notifications import handlers
from services.notifications.api import routes
from services.notifications.content.tokens import Tokens
from services.notifications.definitions import compile
from services.notifications.delivery.courier import Courier
from services.notifications.delivery.line import Parcel, Server
from services.notifications.delivery.lines import Lines
from services.notifications.delivery.logbook import Logbook
from services.notifications.delivery.writer import Writer
from services.notifications.desk import DatabaseDesk
from services.notifications.domain.rules import Rules
from services.notifications.settings import NotificationsSettings
from services.notifications.usecases.claim import Claimed
from services.notifications.usecases.ending import STEP_TIMER
from services.runtime.clock import Clock, SystemClock
from services.runtime.definitions import Definitions
from services.runtime.host import Host, Program


def build(
    settings: NotificationsSettings | None = None,
    *,
    clock: Clock = SystemClock(),
    random: Random | None = None,
) -> Program:
    """The program of notifications; without settings they come from the environment."""
    settings = settings or NotificationsSettings()
    definitions = Definitions[Rules]("notifications", compile)
    tokens = _tokens(settings)
    writer = Writer(definitions.of, tokens, settings.public_url)
    lease = timedelta(seconds=settings.lease_seconds)
    owner = uuid.uuid4()

    async def write(claimed: Claimed) -> Parcel:
        return await writer.parcel(claimed, clock.now())

    book = Logbook(settings.logbooks, owner)
    courier = Courier(_lines(settings), write, clock, lease=lease, book=book)

    async def carry(host: Host) -> None:
        await courier.run(DatabaseDesk(host, owner, lease, random or Random()), host.stopping)

    domain = settings.message_domain
    return Program(
        name="notifications",
        facts=handlers.fact_readers(),
        commands=handlers.commands(definitions, courier.wake.set, domain),
        timers={STEP_TIMER: handlers.on_step_due(definitions, courier.wake.set, domain)},
        questions={"in_flight": handlers.enrolments_in_flight},
        loops={"courier": carry},
        definitions=definitions,
        api=lambda host: routes(host, definitions, tokens, courier.ledger.withdraw),
        resolve=handlers.other_names,
    )


def _tokens(settings: NotificationsSettings) -> Tokens:
    before = settings.unsubscribe_secret_before
    return Tokens(
        settings.unsubscribe_secret.get_secret_value().encode(),
        earlier=before.get_secret_value().encode() if before else None,
    )


def _lines(settings: NotificationsSettings) -> Lines:
    password = settings.smtp_password
    server = Server(
        settings.smtp_host,
        settings.smtp_port,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=password.get_secret_value() if password else None,
        local_hostname=settings.smtp_local_hostname,
        command_timeout=settings.smtp_command_seconds,
        letter_timeout=settings.smtp_letter_seconds,
        # One for all connections: making it reads every trusted certificate from disk.
        tls_context=ssl.create_default_context() if settings.smtp_tls != "none" else None,
    )
    return Lines(
        server,
        size=settings.smtp_connections,
        most_letters=settings.smtp_letters_per_connection,
        idle_seconds=settings.smtp_idle_seconds,
    )
