"""Take pictures of every page of a listening test: `python -m examples.listening_screenshots`.

Makes tests of each kind from the example clips, takes them in Chromium as a participant would, and
writes small PNGs to `docs/images/listening`. Needs the development set-up and Chromium. All versions
of a clip are the same file here: pictures do not sound.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from tests.browser.browsing import Visit, browser, why_not
from tests.browser.kit import PASSWORD, Served, served

from seehear.listen.config import Kind, ListeningTest, Version, read_test, write_test
from seehear.listen.design import order_for
from seehear.listen.making import new_test
from seehear.listen.options import NewOptions
from seehear.listen.store import FILE_NAME
from seehear.listen.wording import QUESTIONS, TITLES, instructions, scale_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "images" / "listening"
CLIPS = ("street", "lesson")
NAMES = ("muddy", "compressed", "highlight", "original")
WIDE = {"width": 820, "height": 900}
DESK = {"width": 1080, "height": 600}
PHONE = {"width": 390, "height": 780}
COLOURS = 192
LOOK_S = 2.5  # into the clip


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    folder = parser.parse_args().output
    if reason := why_not():
        sys.exit(reason)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, browser() as running:
        test_folder = make(Path(made))
        album = Album(running, test_folder, folder)
        album.ranking()
        album.single("pairwise", NAMES[:2], "pairwise")
        album.single("mos-alignment", NAMES[:1], "mos")
        album.single("mos-alignment", NAMES[:1], "mos-phone", PHONE)
        album.single("mushra", NAMES, "mushra")
        album.single("ranking", NAMES, "ranking-dark", WIDE, "dark")
    total = sum(path.stat().st_size for path in folder.glob("*.png"))
    print(f"{len(list(folder.glob('*.png')))} pictures, {total / 1000:.0f} kB, in {folder}")


def make(folder: Path) -> Path:
    """A ranking of four versions of two clips, with a page for practice."""
    versions = {name: folder / name for name in NAMES}
    for place in versions.values():
        place.mkdir()
        for clip in CLIPS:
            shutil.copy(ROOT / "examples" / "clips" / f"{clip}.mp4", place)
    options = NewOptions(kind="ranking", output=folder / "test", reference="original", quiet=True)
    new_test(options, versions, lambda *_: None)
    return folder / "test"


def as_kind(test: ListeningTest, kind: Kind, names: tuple[str, ...]) -> ListeningTest:
    """The same clips as another kind of test, without practice and headphone check."""
    reference = names[-1] if kind == "mushra" else ""
    return dataclasses.replace(
        test,
        kind=kind,
        title=TITLES[kind],
        question=QUESTIONS[kind],
        instructions=instructions(kind, 5),
        versions=tuple(Version(n, "reference" if n == reference else "version") for n in names),
        trials=tuple(
            dataclasses.replace(trial, sounds={n: trial.sounds[n] for n in names}, gains_db={})
            for trial in test.trials
        ),
        scale=scale_of(kind, len(names)),
        screening=dataclasses.replace(test.screening, headphones="off"),
        practice="",
    )


class Album:
    """Takes pictures of tests.

    Args:
        running: browser.
        test: folder of the ranking that the other kinds are made from.
        output: where pictures go.
    """

    def __init__(self, running: Browser, test: Path, output: Path) -> None:
        self.browser = running
        self.folder = test
        self.test = read_test(test)
        self.output = output

    def ranking(self) -> None:
        """Every page of a whole test, from consent to thanks, and the page of progress."""
        test = self.test
        with self.serving(test) as site:
            visit = self.visit(site)
            visit.open()
            visit.page.wait_for_selector("#agree")
            self.keep(visit, "consent")
            visit.begin()
            for number in range(1, 7):
                visit.page.wait_for_selector(f"text=Question {number} of 6")
                visit.press("Space")
                if number == 2:
                    visit.page.wait_for_selector("button.sounding")
                    self.keep(visit, "headphones")
                visit.page.wait_for_selector("button.version:not([disabled])")
                visit.press("1")
            visit.heading("Volume")
            visit.ready()
            self.keep(visit, "volume")
            visit.pass_volume()
            visit.heading("Practice")
            self.rank(visit)
            self.keep(visit, "practice")
            visit.press("Enter")
            count = len(order_for(test, 0))
            for number in range(1, count + 1):
                visit.heading(f"{number} of {count}")
                self.rank(visit)
                visit.saved()
                if number == 1:
                    self.keep(visit, "ranking")
                visit.press("Enter")
            visit.heading("Thank you")
            visit.page.wait_for_selector("body[data-finished]")
            self.keep(visit, "thanks")
            self.progress(site)

    def progress(self, site: Served) -> None:
        """The page of progress, with two more listeners on their way."""
        for _ in range(2):
            other = self.visit(site)
            other.open()
            other.begin()
            other.page.wait_for_selector("text=Question 1 of 6")
        credentials = {"username": "", "password": PASSWORD}
        maker = self.visit(site, http_credentials=credentials, viewport=DESK)
        maker.open("/admin")
        maker.page.wait_for_selector("#began:text-is('3')")
        self.keep(maker, "admin")

    def single(
        self,
        kind: Kind,
        names: tuple[str, ...],
        name: str,
        size: dict[str, int] = WIDE,
        scheme: str = "light",
    ) -> None:
        """The first page of a kind, half answered."""
        test = as_kind(self.test, kind, names)
        with self.serving(test) as site:
            visit = self.visit(site, viewport=size, color_scheme=scheme)
            visit.open()
            visit.begin()
            visit.pass_volume()
            visit.page.wait_for_selector("h1:text-matches('^1 of')")
            self.answer(visit, kind)
            self.keep(visit, name)

    def answer(self, visit: Visit, kind: Kind) -> None:
        """Say something about the versions."""
        if kind == "ranking":
            self.rank(visit)
            return
        self.look(visit)
        if kind == "pairwise":
            visit.hear("1", "2")
            visit.press("Shift+Digit2")
        elif kind == "mushra":
            visit.hear("0")
            for key, steps in (("1", 2), ("2", -1), ("3", 4)):
                visit.hear(key)
                visit.press(*["PageUp" if steps > 0 else "PageDown"] * abs(steps), "ArrowUp")
        else:
            visit.press("4")

    def rank(self, visit: Visit) -> None:
        """Hear all and rank them 2, 4, 1, 3."""
        self.look(visit)
        for key, rank in zip("1234", "2413", strict=True):
            visit.hear(key)
            visit.press(f"Shift+Digit{rank}")

    def look(self, visit: Visit) -> None:
        """Play from a place where there is something to see."""
        visit.ready()
        visit.page.fill("#position", str(LOOK_S))
        visit.page.locator("h1").focus()
        visit.press("Space")
        visit.page.wait_for_timeout(600)

    @contextmanager
    def serving(self, test: ListeningTest) -> Iterator[Served]:
        """Serve with an empty database."""
        for left in self.folder.glob(f"{FILE_NAME}*"):
            left.unlink()
        write_test(self.folder, test)
        with served(test, self.folder) as site:
            yield site

    def visit(self, site: Served, **options: Any) -> Visit:
        """A new listener whose headphone check always has the first tone quiet."""
        options = {"viewport": WIDE, **options}
        made = Visit(self.browser.new_context(**options), site.url)
        made.page.add_init_script("Math.random = () => 0;")
        return made

    def keep(self, visit: Visit, name: str) -> None:
        """Write what is to be seen, in few colours."""
        height = visit.page.evaluate(
            "document.querySelector('footer, main').getBoundingClientRect().bottom"
        )
        size = visit.page.viewport_size or WIDE
        shot = visit.page.screenshot(
            full_page=True,
            clip={"x": 0, "y": 0, "width": size["width"], "height": min(height, 1240)},
        )
        picture = Image.open(io.BytesIO(shot)).convert("RGB")
        few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(self.output / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
