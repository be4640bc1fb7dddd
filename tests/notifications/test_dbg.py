import cProfile
import pstats
import time

from tests.notifications.conftest import *
from tests.notifications.delivery.test_speed import carrying, contact, fast_sink, until


async def test_x(stage):
    N = 600
    await stage.know(*(contact(n) for n in range(1, N + 1)))
    for n in range(1, N + 1):
        await stage.enrol(n, "single")
    async with fast_sink() as port:
        c = stage.courier(port, size=4)
        d = stage.desk()
        cnt = {"claim": 0, "settle": 0, "nc": 0, "ns": 0, "due": 0, "tc": 0.0, "ts": 0.0}
        oc, os, od = d.claim, d.settle, d.due

        async def claim(m):
            t = time.perf_counter()
            r = await oc(m)
            cnt["claim"] += 1
            cnt["nc"] += len(r)
            cnt["tc"] += time.perf_counter() - t
            return r

        async def settle(a):
            t = time.perf_counter()
            r = await os(a)
            cnt["settle"] += 1
            cnt["ns"] += len(a)
            cnt["ts"] += time.perf_counter() - t
            return r

        async def due(m):
            cnt["due"] += 1
            return await od(m)

        d.claim, d.settle, d.due = claim, settle, due
        p = cProfile.Profile()
        t = time.perf_counter()
        c0 = time.process_time()
        p.enable()
        async with carrying(c, d):
            await until(
                lambda: stage.value("SELECT count(*) = 0 FROM messages WHERE state <> 'sent'"),
                within=60,
                every=0.05,
            )
            el = time.perf_counter() - t
            p.disable()
        print(N / el, "per s, cpu", time.process_time() - c0, "of", el, cnt)
        pstats.Stats(p).sort_stats("cumulative").print_stats(60)
