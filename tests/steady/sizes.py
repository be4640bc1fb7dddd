"""What an enquiry takes on disk, by place: streams of the bus, schemas of PostgreSQL, letters."""

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.hub import Hub, a_hub
from tests.steady.load import Forms
from tests.steady.progress import caught_up

_AT_ONCE = 32
_TABLES = """
SELECT schemaname || '.' || relname, pg_total_relation_size(relid)
FROM pg_stat_user_tables ORDER BY 1
"""


async def run(count: int) -> bool:
    """Fill a hub with that many enquiries; prints bytes for each, by place."""
    with a_hub() as hub:
        await hub.start()
        before = await _sizes(hub)
        forms = Forms(hub.http_port)
        await forms.burst(count, _AT_ONCE)
        forms.close()
        done = len(forms.accepted)
        await caught_up(hub, done, 600)
        await hub.rows("CHECKPOINT")
        after = await _sizes(hub)
    print(f"{done} enquiries by as many people: bytes of disk for each")
    grown = {place: (size - before.get(place, 0)) / done for place, size in after.items()}
    for place, size in sorted(grown.items(), key=lambda row: -row[1]):
        if size >= 1:
            print(f"  {place:32} {size:8.0f}")
    for kind in ("stream", "table", "letters"):
        print(f"  {kind + ' together':32} {sum(s for p, s in grown.items() if p.startswith(kind)):8.0f}")
    return done == count


async def _sizes(hub: Hub) -> Mapping[str, int]:
    streams = {
        f"stream {folder.name}": _of_folder(folder)
        for folder in sorted((hub.home / "nats").glob("**/streams/*"))
    }
    tables = {f"table {row[0]}": int(row[1]) for row in await hub.rows(_TABLES)}
    return {**streams, **tables, "letters": _of_folder(hub.home / "mailbox")}


def _of_folder(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
