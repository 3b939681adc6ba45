"""Pseudo pairs: seeded, sounds are heard where their pictures are, the unseen from the middle."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seehear.data.canvas import Box
from seehear.data.crops import Crop, cut_boxes, read_crop, varied
from seehear.data.mixes import MixRule
from seehear.data.pair_manifest import PairRow, PairSource, read_pairs, write_pairs
from seehear.data.pseudo_pairs import PairLibrary, PairRule, draw_pair, filtered, heard, lay_out
from seehear.data.sounds import ThingLibrary
from seehear.data.sources import Sound
from seehear.dsp.binaural import ild_db, low_frequency_itd_us
from seehear.dsp.hrir import spherical_head
from seehear.errors import InputError

RULE = PairRule(mixing=MixRule(duration_s=0.5))
PLAIN = replace(RULE, moving=0.0, silent=0.0, hidden=0.0, foreign=0.0, ambisonic=0.0)
PLAIN_ONE = replace(PLAIN, counts=(1.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def library() -> PairLibrary:
    rng = np.random.default_rng(0)

    def sounds(label: str) -> list[Sound]:
        noise = (8000 * rng.standard_normal((2, 12000))).clip(-32767, 32767).astype(np.int16)
        return [Sound(wave, label, f"{label}{n}") for n, wave in enumerate(noise)]

    def crops(label: str) -> list[Crop]:
        colour = rng.integers(50, 256, 3, dtype=np.uint8)
        return [Crop(np.broadcast_to(colour, (60, 80, 3)).copy(), label, f"photo of {label}")]

    things = {label: sounds(label) for label in ("dog", "piano", "speech", "violin")}
    pictures = {label: crops(label) for label in ("dog", "piano", "speech")}
    backdrop = rng.integers(0, 256, (100, 200, 3), dtype=np.uint8)
    return PairLibrary(ThingLibrary(things), pictures, crops("car"), [backdrop])


def test_pairs_depend_on_the_seed_only(library: PairLibrary) -> None:
    for seed in range(10):
        one, two = (draw_pair(library, np.random.default_rng(seed), RULE) for _ in range(2))
        assert np.array_equal(one.stems, two.stems) and one.boxes == two.boxes
        assert np.array_equal(one.frame(0.3), two.frame(0.3))


def test_counts_follow_the_published_shares(library: PairLibrary) -> None:
    quick = replace(
        PLAIN, height=(0.1, 0.2), backdrops=(1.0, 0.0, 0.0), mixing=MixRule(duration_s=0.02)
    )
    rng = np.random.default_rng(0)
    counts = Counter(len(draw_pair(library, rng, quick).labels) for _ in range(600))
    for number, share in ((1, 0.4), (2, 0.5), (3, 0.1)):
        assert abs(counts[number] / 600 - share) < 0.06


def test_odd_things_happen_as_often_as_told(library: PairLibrary) -> None:
    rule = replace(
        RULE,
        hidden=0.3,
        foreign=0.3,
        silent=0.5,
        height=(0.1, 0.2),
        backdrops=(1.0, 0.0, 0.0),
        mixing=MixRule(duration_s=0.02),
    )
    rng = np.random.default_rng(1)
    pairs = [draw_pair(library, rng, rule) for _ in range(300)]
    unseen = sum(None in pair.boxes[: len(pair.labels)] for pair in pairs)
    # A sound without pictures is shown as something else, or not shown.
    foreign = sum("violin" in pair.labels and None not in pair.boxes for pair in pairs)
    assert 60 < unseen < 120 and 40 < foreign < 120
    assert 100 < sum(len(pair.boxes) > len(pair.labels) for pair in pairs) < 200


def test_the_louder_and_earlier_ear_is_on_the_side_of_the_picture(library: PairLibrary) -> None:
    head = spherical_head(16000)
    rule = replace(PLAIN, counts=(1.0, 0.0, 0.0), height=(0.3, 0.4))
    sides = []
    for seed in range(12):
        pair = draw_pair(library, np.random.default_rng(seed), rule)
        place = float(pair.places(np.zeros(1))[0, 0])
        ears = torch.from_numpy(heard(pair, head))[0]
        if abs(place) > 0.15:
            assert float(ild_db(ears[0], ears[1])) * place > 0
            assert float(low_frequency_itd_us(ears[0], ears[1], 16000)) * place < 0
            sides.append(place > 0)
    assert True in sides and False in sides


def test_ambisonics_keep_the_side(library: PairLibrary) -> None:
    head = spherical_head(16000)
    rule = replace(PLAIN, counts=(1.0, 0.0, 0.0), ambisonic=1.0)
    pair = replace(
        draw_pair(library, np.random.default_rng(0), rule), boxes=(Box(60, 100, 80, 160),)
    )
    ears = torch.from_numpy(heard(pair, head))[0]
    assert 2 < float(ild_db(ears[0], ears[1])) < 12


def test_rooms_keep_the_side_and_blur_it(library: PairLibrary) -> None:
    head = spherical_head(16000).aligned()
    rule = replace(PLAIN, counts=(1.0, 0.0, 0.0), rooms=1.0)
    boxes = (Box(20, 100, 80, 160),)
    for seed in range(4):
        pair = replace(draw_pair(library, np.random.default_rng(seed), rule), boxes=boxes)
        dry = replace(pair, room_seed=None)
        assert np.array_equal(
            pair.stems, draw_pair(library, np.random.default_rng(seed), PLAIN_ONE).stems
        )
        wet, plain = (torch.from_numpy(heard(p, head))[0] for p in (pair, dry))
        assert np.array_equal(wet.numpy(), heard(pair, head)[0])
        assert 0.3 < float(ild_db(wet[0], wet[1])) < float(ild_db(plain[0], plain[1]))
    moving = replace(rule, moving=1.0)
    assert draw_pair(library, np.random.default_rng(0), moving).room_seed is None


def test_what_is_not_seen_reaches_both_ears_alike(library: PairLibrary) -> None:
    rule = replace(PLAIN, counts=(1.0, 0.0, 0.0), hidden=1.0)
    pair = draw_pair(library, np.random.default_rng(3), rule)
    ears = heard(pair, spherical_head(16000))
    assert np.array_equal(ears[0, 0], ears[0, 1]) and np.array_equal(ears[0, 0], pair.stems[0])
    assert np.isnan(pair.places(np.zeros(2))).all()


def test_moving_things_stay_on_the_canvas_and_off_each_other(library: PairLibrary) -> None:
    rule = replace(PLAIN, counts=(0.0, 1.0, 0.0), moving=1.0, speed=0.8, height=(0.2, 0.4))
    for seed in range(10):
        pair = draw_pair(library, np.random.default_rng(seed), rule)
        assert pair.moves
        for moment in np.arange(0, 6, 0.37):
            first, second = sorted(
                (b for i in range(2) if (b := pair.box_at(i, moment))), key=lambda b: b.left
            )
            assert first.left >= 0 and second.left + second.width <= 640
            assert first.left + first.width <= second.left
        assert np.ptp(pair.places(np.arange(0, 2, 0.1)), axis=1).max() > 0.02


def test_a_moving_source_is_heard_without_clicks_and_changes_sides(library: PairLibrary) -> None:
    rule = replace(PLAIN, counts=(1.0, 0.0, 0.0), mixing=MixRule(duration_s=2.0))
    drawn = draw_pair(library, np.random.default_rng(5), rule)
    pair = replace(drawn, boxes=(Box(0, 100, 80, 160),), steps=(280.0,))
    ears = torch.from_numpy(heard(pair, spherical_head(16000)))[0]
    early, late = ears[:, :6400], ears[:, -6400:]
    assert float(ild_db(*early)) > 2 and float(ild_db(*late)) < -2


def test_equal_responses_cross_fade_into_themselves() -> None:
    rng = np.random.default_rng(0)
    wave = rng.standard_normal(3000).astype(np.float32)
    response = rng.standard_normal((1, 2, 64)).astype(np.float32)
    still = filtered(wave, response, 1)
    moved = filtered(wave, np.repeat(response, 5, axis=0), 800)
    assert np.allclose(still, moved, atol=1e-4)
    assert np.allclose(still[0], np.convolve(wave, response[0, 0])[:3000], atol=1e-3)


def test_laying_out_makes_room_or_says_so(library: PairLibrary) -> None:
    crops = [library.pictures["dog"][0]] * 3
    rng = np.random.default_rng(0)
    wide = replace(PLAIN, height=(0.9, 1.0))
    boxes = lay_out(crops, rng, wide)
    assert len(boxes) == 3 and sum(box.width for box in boxes) <= 640


def test_crops_keep_opacity_and_lose_the_empty_rim(tmp_path: Path) -> None:
    pixels = np.zeros((30, 40, 4), np.uint8)
    pixels[10:20, 5:35] = 200
    Image.fromarray(pixels).save(tmp_path / "cut.png")
    assert read_crop(tmp_path / "cut.png", "dog", "x").pixels.shape == (10, 30, 4)
    Image.fromarray(np.zeros((9, 9, 4), np.uint8)).save(tmp_path / "empty.png")
    with pytest.raises(InputError, match="transparent"):
        read_crop(tmp_path / "empty.png", "dog", "x")
    Image.fromarray(pixels[..., :3]).save(tmp_path / "photo.png")
    half = cut_boxes(tmp_path / "photo.png", [(0.5, 0.0, 0.5, 1.0)], ["dog"], "x")
    assert half[0].pixels.shape == (30, 20, 3)
    with pytest.raises(InputError, match="expected shares"):
        cut_boxes(tmp_path / "photo.png", [(0.99, 0.0, 0.5, 1.0)], ["dog"], "x")


def test_varied_crops_show_a_part(library: PairLibrary) -> None:
    crop = Crop(np.arange(60 * 80 * 4, dtype=np.uint8).reshape(60, 80, 4), "dog", "x")
    rng = np.random.default_rng(0)
    for _ in range(30):
        made = varied(crop, rng).pixels
        assert 39 <= made.shape[0] <= 60 and 52 <= made.shape[1] <= 80 and made.shape[2] == 4


def test_manifests_come_back_and_are_checked(tmp_path: Path) -> None:
    source = PairSource("dog", "a.flac", ("r1",), "p1", 12.5, -3.0, (1, 2, 3, 4))
    row = PairRow("one", "test", 1.0, 16000, "a.png", "black", 120.0, (source,))
    path = tmp_path / "manifest.jsonl"
    write_pairs(path, [row])
    with pytest.raises(InputError, match="2 files"):
        read_pairs(path)
    for name in ("a.flac", "a.png"):
        (tmp_path / name).touch()
    assert read_pairs(path) == [row]
    write_pairs(path, [row, row])
    with pytest.raises(InputError, match="more than once"):
        read_pairs(path)
    path.write_text('{"id": 1}\n')
    with pytest.raises(InputError, match="line 1"):
        read_pairs(path)
    with pytest.raises(InputError, match="relative"):
        replace(row, picture="/abs.png")
    with pytest.raises(InputError, match="no sources"):
        replace(row, sources=())
