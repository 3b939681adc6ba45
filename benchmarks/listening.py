"""Measure listening tests in a real browser and under load: python -m benchmarks.listening

Picture and sound: a clip whose picture flashes when its sound clicks goes through `listen new` and is
taken in Chromium. An audio worklet records what goes to the loudspeaker, each shown frame is looked
at, and both are put on the page's clock by what the browser says of its output. Load: fifty listeners
at once on loopback, each loading all media and answering; then listeners who answer without pause
while the server is killed and started again. Prints Markdown for docs/numbers.md.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
from benchmarks.run import machine, table
from numpy.typing import NDArray
from tests.browser import probe
from tests.browser.browsing import Visit, browser, why_not
from tests.browser.kit import RATE, make_test, served, sound, write_picture
from tests.integration.listening_kit import Client, answer, message
from tests.integration.test_listening_load import Persistent, free_port, process

from seehear.listen.config import read_test
from seehear.listen.making import new_test
from seehear.listen.options import NewOptions
from seehear.listen.store import FILE_NAME

SECONDS = 60.0
VERSIONS = 4
LISTENERS = 50
KILLS = 5
Samples = NDArray[np.float64]


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=("sync", "load"), default=None)
    only = parser.parse_args().only
    print(f"{machine()}\n")
    if only != "load":
        if reason := why_not():
            sys.exit(reason)
        sync()
    if only != "sync":
        load()
        killed()


def sync() -> None:
    """Gaps at switches and distance of picture and sound."""
    with tempfile.TemporaryDirectory() as made, browser() as running:
        folder = flashing_test(Path(made))
        with served(read_test(folder), folder) as site:
            listener = Visit(running.new_context(bypass_csp=True), site.url)
            probe.install(listener)
            listener.open()
            listener.begin()
            listener.pass_volume()
            listener.heading("1 of 1")
            listener.ready()
            listener.press("Space")
            probe.watch(listener)
            rows = [offset_row("playing", recorded(listener, 18.0))]
            gap, count = switched(listener, 40)
            listener.press("Home")
            jumps = []
            for turn in range(8):
                arrow = "ArrowLeft" if turn % 2 else "ArrowRight"
                listener.press(arrow, arrow, arrow)
                listener.page.wait_for_timeout(1000)
                jumps.append(recorded(listener, 1.4))
            rows.append(offset_row("1 s after a jump", np.concatenate(jumps)))
            listener.press("Home", "i")
            listener.page.wait_for_timeout(1900)
            listener.press("o")
            listener.page.wait_for_timeout(2500)
            rows.append(offset_row("in a loop of 2 s", recorded(listener, 18.0)))
            version = running.version
    print(f"Chromium {version}, {count} switches: longest gap {1000 * gap:.1f} ms\n")
    print(
        table(["flash minus click, ms", "median", "95 % within", "largest", "flashes"], rows), "\n"
    )


def flashing_test(folder: Path) -> Path:
    """Flashes and clicks through `listen new`, without headphone check and practice."""
    versions = {f"version {i}": folder / f"{i}" for i in range(VERSIONS)}
    for index, place in enumerate(versions.values()):
        place.mkdir()
        soundfile.write(place / "clip.wav", sound(SECONDS, index), RATE, subtype="FLOAT")
    (folder / "pictures").mkdir()
    write_picture(folder / "pictures" / "clip.mp4", SECONDS)
    options = NewOptions(
        kind="ranking", output=folder / "test", picture=folder / "pictures", practice="none"
    )
    new_test(options, versions, lambda *_: None)
    config = folder / "test" / "test.toml"
    config.write_text(config.read_text("utf-8").replace('headphones = "ask"', 'headphones = "off"'))
    return folder / "test"


def recorded(listener: Visit, seconds: float) -> Samples:
    """Offsets of all flashes of the next seconds, ms."""
    forget(listener)
    listener.page.wait_for_timeout(1000 * seconds)
    return probe.offsets_ms(probe.take(listener), settle_s=0.0)


def forget(listener: Visit) -> None:
    """Drop what was recorded, usable or not."""
    with contextlib.suppress(probe.Unusable):
        probe.take(listener)


def offset_row(name: str, offsets: Samples) -> list[str]:
    """Median with its sign, then sizes."""
    size = np.abs(offsets)
    figures = (np.median(offsets), np.quantile(size, 0.95), size.max())
    return [name, *(f"{f:.1f}" for f in figures), f"{len(size)}"]


def switched(listener: Visit, count: int) -> tuple[float, int]:
    """Longest gap while versions are switched, s."""
    forget(listener)
    for turn in range(count):
        listener.press(str(turn * 3 % VERSIONS + 1))
        listener.page.wait_for_timeout(110)
    recording = probe.take(listener)
    assert probe.click_grid_error_s(recording) < 0.001, "the position jumped"
    return probe.longest_gap_s(recording), count


def load() -> None:
    """Fifty listeners who load everything and answer as fast as they can."""
    times: dict[str, list[float]] = {"media": [], "answer": []}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        test = make_test(folder, "ranking", clips=6, seconds=3.0)
        with served(test, folder) as site:
            threads = [
                threading.Thread(target=hurry, args=(site.url, seed, times))
                for seed in range(LISTENERS)
            ]
            begin = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            spent = time.perf_counter() - begin
            ((stored,),) = site.rows("SELECT count(*) FROM answers")
    assert stored == LISTENERS * 6 * 3
    print(f"{LISTENERS} listeners at once, server and listeners on the same cores: {spent:.1f} s\n")
    rows = [
        [name, f"{len(t)}", *(f"{1000 * np.quantile(t, q):.0f}" for q in (0.5, 0.95, 1.0))]
        for name, t in times.items()
    ]
    print(table(["request", "number", "median, ms", "95 %", "slowest"], rows), "\n")


def hurry(url: str, seed: int, times: dict[str, list[float]]) -> None:
    """One listener of `load`."""
    drawn = random.Random(seed)
    client = Client(url)
    for page in client.start()["pages"]:
        for address in (page["picture"], *page["sounds"]):
            begin = time.perf_counter()
            assert client.ask("GET", address)[0] == 200
            times["media"].append(time.perf_counter() - begin)
        order = drawn.sample(range(1, 4), 3)
        for count in range(1, 4):  # one rank after the other, each stored
            values = {str(slot): float(order[slot - 1]) for slot in range(1, count + 1)}
            begin = time.perf_counter()
            client.record(answer(page["number"], values))
            times["answer"].append(time.perf_counter() - begin)
        client.record(message("done", page=page["number"]))
    client.record(message("finish"))
    client.close()


def killed() -> None:
    """Listeners who answer without pause while the server is killed again and again."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_test(folder, "ranking", clips=2, seconds=0.6, names=("a", "b", "c", "d"))
        port = free_port()
        with process(folder, port):
            listeners = [Persistent(f"http://127.0.0.1:{port}", seed) for seed in range(8)]
            threads = [threading.Thread(target=one.run) for one in listeners]
            for thread in threads:
                thread.start()
            time.sleep(1.0)
        for _ in range(KILLS - 1):  # leaving the block kills the process
            with process(folder, port):
                time.sleep(1.0)
        with process(folder, port):
            time.sleep(1.0)
            for one in listeners:
                one.stop.set()
            for thread in threads:
                thread.join()
        for one in listeners:
            one.client.close()
        with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection:
            stored = Counter(
                row[0] for row in connection.execute("SELECT id FROM events WHERE kind = 'answer'")
            )
    said = Counter(a[0] for one in listeners for a in one.acknowledged)
    lost = sum((said - stored).values())
    twice = sum((stored - said).values())
    repeats = sum(one.repeats for one in listeners)
    print(
        f"{KILLS} times killed: {sum(said.values())} acknowledged answers, {lost} lost, {twice} stored "
        f"twice; {repeats} were stored but not acknowledged before the kill and sent again"
    )


if __name__ == "__main__":
    main()
