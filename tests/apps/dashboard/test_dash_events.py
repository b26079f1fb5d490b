"""What happens reaches every tab, once, also after a break; a tab that stalls holds nobody."""

import asyncio
import json
import shutil

from dash_toys import until

from forepath.apps.dashboard.events import Hub
from forepath.apps.dashboard.history import Watcher, rows
from forepath.apps.dashboard.library import Library
from forepath.store import lock


async def take(stream, number):
    """The first events of a stream as (id, kind, data)."""
    out = []
    async for text in stream:
        for block in text.strip().split("\n\n"):
            if block.startswith("id: "):
                id, data = block.split("\n", 1)
                told = json.loads(data.removeprefix("data: "))
                out.append((id.removeprefix("id: "), told["kind"], told["data"]))
        if len(out) >= number:
            await stream.aclose()
            return out[:number]
    return out


def test_events_of_wanted_topics_arrive_in_order():
    async def main():
        hub = Hub()
        stream = hub.follow(["a"])
        reading = asyncio.create_task(take(stream, 4))
        await asyncio.sleep(0.01)
        assert hub.heard("a") and not hub.heard("b")
        for n in range(3):
            await asyncio.to_thread(hub.publish, "b", "no", n)
            await asyncio.to_thread(hub.publish, "a", "yes", n)
        got = await asyncio.wait_for(reading, 5)
        assert [(k, d) for _, k, d in got[1:]] == [("yes", 0), ("yes", 1), ("yes", 2)] and got[0][1] == "hello"
        assert not hub.heard("a")

    asyncio.run(main())


def test_a_break_is_made_good_and_one_too_long_is_said():
    async def main():
        hub = Hub(keep=10)
        hub.publish("a", "x", 0)
        first = await take(hub.follow(["a"], f"{hub.start}-0"), 2)
        assert first[1][2] == 0
        last = first[-1][0]
        for n in range(1, 5):
            hub.publish("a", "x", n)
        assert [d for _, _, d in (await take(hub.follow(["a"], last), 5))[1:]] == [1, 2, 3, 4]
        for n in range(50):
            hub.publish("a", "x", n)
        assert (await take(hub.follow(["a"], last), 1))[0][1] == "reset"
        assert (await take(Hub().follow(["a"], last), 1))[0][1] == "reset"  # another start of the server
        assert (await take(hub.follow(["a"], "nonsense"), 1))[0][1] == "reset"

    asyncio.run(main())


def test_a_tab_that_stalls_holds_nobody_and_is_told_what_it_lost():
    async def main():
        hub = Hub(keep=100)
        stalled = hub.follow(["a"])
        await anext(stalled)
        for n in range(5000):
            hub.publish("a", "x", n)  # never waits
        assert len(hub._ring) == 100
        assert '"reset"' in await anext(stalled)
        await stalled.aclose()

    asyncio.run(main())


def test_many_more_events_than_one_write_holds_all_arrive():
    async def main():
        hub = Hub()
        stream = hub.follow(["a"])
        await anext(stream)
        for n in range(1800):
            hub.publish("b" if n % 3 else "a", "x", n)
        got = await asyncio.wait_for(take(stream, 600), 10)
        assert [d for _, _, d in got] == list(range(0, 1800, 3))

    asyncio.run(main())


def test_the_list_of_runs_says_how_far_each_is(runs):
    from forepath.store import Run

    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")
    half = Run.create(runs / "half", json.loads((runs / "one" / "run.json").read_text())["config"])
    done = Run.open(runs / "one")
    half.append("prompts", ["all"], done.table("prompts"))
    found = {r.name: r for r in rows(Library(runs))}
    assert found["one"].state == "finished" and found["one"].command is None
    assert found["one"].low <= found["one"].cross_entropy <= found["one"].high
    assert found["broken"].state == "unreadable" and "run.json" in found["broken"].problem
    assert found["half"].state == "stopped" and "forepath resume" in found["half"].command
    assert [(s.done, s.total) for s in found["half"].stages[:2]] == [(0, 4), (0, 4)]
    with half.lock():
        assert rows(Library(runs))[0].state in ("running", "finished")
        assert {r.name: r.state for r in rows(Library(runs))}["half"] == "running"
    assert {r.name: r.state for r in rows(Library(runs))}["half"] == "stopped"


def test_looking_who_holds_a_lock_never_takes_it(tmp_path):
    handle = lock.take(tmp_path / ".lock")
    assert lock.holder(tmp_path / ".lock") is not None
    lock.release(handle)
    assert lock.holder(tmp_path / ".lock") is None and lock.holder(tmp_path / "nothing") is None


def test_the_watcher_tells_what_has_changed_and_only_that(runs):
    hub = Hub()
    watcher = Watcher(Library(runs), hub)
    watcher.look()
    seen = len(hub._ring)
    watcher.look()
    assert len(hub._ring) == seen == 1
    shutil.copytree(runs / "one", runs / "two")
    watcher.look()
    assert [e.data["name"] for e in list(hub._ring)[1:]] == ["two"]
    shutil.rmtree(runs / "two")
    watcher.look()
    assert hub._ring[-1].kind == "gone"
    hub.close()
    until(lambda: hub.closed)
