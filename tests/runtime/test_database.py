"""A service's sessions in PostgreSQL."""

from services.runtime.database import Database

_WAITING = "SELECT id FROM things WHERE id = $1"


async def test_a_plan_made_for_a_small_table_serves_it_when_it_has_grown(database_dsn: str) -> None:
    database = await Database.connect(database_dsn, "public", size=1)
    try:
        async with database.pool.acquire() as connection:
            await connection.execute(
                "CREATE TABLE things (id integer PRIMARY KEY) WITH (autovacuum_enabled = false)"
            )
            await connection.execute("INSERT INTO things SELECT generate_series(-9, 0)")
            await connection.execute("ANALYZE things")
            await connection.execute(f"PREPARE waiting (integer) AS {_WAITING}")
            # From the sixth time on PostgreSQL keeps the plan it has.
            for number in range(6):
                await connection.execute(f"EXECUTE waiting ({number})")
            await connection.execute("INSERT INTO things SELECT generate_series(1, 5000)")
            plan = await connection.fetch("EXPLAIN EXECUTE waiting (7)")
    finally:
        await database.close()
    assert "Index" in plan[0][0]
