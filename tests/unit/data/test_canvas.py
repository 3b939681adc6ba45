"""Canvases: angles as published, no overlap, blending that solves Poisson's equation."""

from itertools import pairwise

import numpy as np
import pytest

from seehear.data.canvas import Box, angles, blended, compose, covering, place, position


@pytest.mark.parametrize(
    ("column", "degrees"), [(0, 60.0), (160, 30.0), (320, 0.0), (480, -30.0), (640, -60.0)]
)
def test_columns_become_azimuths(column: int, degrees: float) -> None:
    assert angles(Box(column - 10, 80, 20, 200))[0] == pytest.approx(degrees)
    assert angles(Box(column - 10, 80, 20, 200), fov_deg=60.0)[0] == pytest.approx(degrees / 2)


@pytest.mark.parametrize(
    ("row", "degrees"), [(0, 45.0), (90, 22.5), (180, 0.0), (270, -22.5), (360, -45.0)]
)
def test_rows_become_elevations(row: int, degrees: float) -> None:
    assert angles(Box(300, row - 10, 40, 20))[1] == pytest.approx(degrees)


def test_crops_never_overlap_horizontally_and_stay_on_the_canvas() -> None:
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(500):
        sizes = [(int(rng.integers(50, 361)), int(rng.integers(40, 321))) for _ in range(3)]
        boxes = place(sizes, rng)
        counts.append(len(boxes))
        for box, (tall, wide) in zip(boxes, sizes, strict=False):
            assert (box.height, box.width) == (tall, wide)
            assert 0 <= box.left <= 640 - wide and 0 <= box.top <= 360 - tall
        ordered = sorted(boxes, key=lambda box: box.left)
        for first, second in pairwise(ordered):
            assert first.left + first.width <= second.left
    # Where no room is left, fewer are placed; one always is.
    assert min(counts) >= 1 and 3 in counts and 2 in counts


def test_places_are_spread_over_all_free_columns() -> None:
    rng = np.random.default_rng(1)
    lefts = [place([(100, 240)], rng)[0].left for _ in range(2000)]
    assert min(lefts) < 10 and max(lefts) > 390
    assert abs(np.mean(lefts) - 200) < 8
    assert position(0) == 1 and position(640) == -1


def test_blending_a_part_of_the_backdrop_into_itself_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    under = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    assert np.abs(blended(under, under).astype(int) - under).max() <= 1


def test_blending_takes_over_gradients_not_levels() -> None:
    wave = 60 + 40 * np.sin(np.arange(50) / 4)[None, :, None] * np.ones((40, 1, 3))
    crop = wave.astype(np.uint8)
    under = np.full_like(crop, 0) + crop + 50
    assert np.abs(blended(under, crop).astype(int) - under).max() <= 1
    grey = np.full_like(crop, 120)
    made = blended(grey, crop).astype(int)
    assert (made[0] == 120).all() and (made[:, 0] == 120).all() and (made[-1] == 120).all()
    # Inside, the Laplacian is the crop's.
    inner = (slice(5, -5), slice(5, -5))

    def laplacian(picture: np.ndarray) -> np.ndarray:
        return sum(np.roll(picture, s, a) for s in (1, -1) for a in (0, 1)) - 4 * picture

    assert np.abs(laplacian(made)[inner] - laplacian(crop.astype(int))[inner]).max() <= 5


def test_opacity_decides_what_shows() -> None:
    backdrop = np.full((360, 640, 3), 10, np.uint8)
    crop = np.full((20, 20, 4), 200, np.uint8)
    crop[:, 10:, 3] = 0
    crop[:, :10, 3] = 255
    for blend in (False, True):
        made = compose(backdrop, [crop], [Box(100, 50, 20, 20)], blend)
        assert (made[50:70, 100:110] == 200).all() and (made[50:70, 110:120] == 10).all()
    assert (backdrop == 10).all()


def test_backdrops_cover_the_canvas_from_any_shape() -> None:
    rng = np.random.default_rng(3)
    for shape in ((20, 300, 3), (300, 20, 3), (360, 640, 3)):
        assert covering(np.ones(shape, np.uint8), rng).shape == (360, 640, 3)
