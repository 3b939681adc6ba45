"""Mixtures of things: who takes part, levels, bandwidth, repeatability; their manifest."""

from pathlib import Path

import numpy as np
import pytest

from seehear.data.mix_manifest import MixRow, StemRow, read_mixes, write_mixes
from seehear.data.mixes import TEST_RULE, MixRule, draw_mix, tilt
from seehear.data.scenes import active_rms
from seehear.data.sounds import ThingLibrary, load_things, rows_of_split
from seehear.data.sources import SAMPLE_RATE, Sound, read_sources
from seehear.errors import InputError
from tests.unit.data.corpus import make_corpus


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ThingLibrary:
    manifest = make_corpus(tmp_path_factory.mktemp("corpus"), copies=4)
    return load_things(rows_of_split(read_sources(manifest), "train", any_use_only=True))


def test_things_can_be_asked_for_and_pieces_of_music_cannot(library: ThingLibrary) -> None:
    assert set(library.things) == {"speech", "piano", "dog", "rain"}
    assert set(library.others) == {"theme"}
    assert library.recordings("dog") == 4


def test_classes_with_few_sounds_only_disturb(tmp_path: Path) -> None:
    rows = rows_of_split(read_sources(make_corpus(tmp_path, copies=1)), "train", True)
    extra = [Sound(np.ones(1600, np.int16), "harp", f"h{n}") for n in range(5)]
    found = load_things(rows, extra)
    assert set(found.things) == {"harp"}
    assert {"dog", "speech"} <= set(found.others)


def test_licences_with_conditions_and_unknown_splits_are_left_out(tmp_path: Path) -> None:
    rows = read_sources(make_corpus(tmp_path, copies=1))
    assert len(rows_of_split(rows, "train", False)) == len(rows_of_split(rows, "train", True)) + 1
    with pytest.raises(InputError, match="splits: train, val"):
        rows_of_split(rows, "exam", False)


def test_a_mixture_for_tests_has_equal_levels_and_one_bandwidth(library: ThingLibrary) -> None:
    for seed in range(4):
        mix = draw_mix(library, 2, np.random.default_rng(seed), TEST_RULE)
        assert mix.stems.shape == (2, 5 * SAMPLE_RATE)
        assert len(set(mix.labels)) == 2
        assert all(len(ids) == 1 for ids in mix.source_ids)
        first, second = active_rms(mix.stems)
        assert first == pytest.approx(second, rel=1e-3)
        power = np.square(np.abs(np.fft.rfft(mix.stems, axis=1)))
        above = round((mix.low_pass_hz + 550) * power.shape[1] / 8000)
        assert (power[:, above:].sum(1) < 1e-6 * power.sum(1)).all()


def test_training_mixtures_vary_and_repeat_with_the_seed(library: ThingLibrary) -> None:
    rule = MixRule(duration_s=1.0)
    levels = []
    for seed in range(12):
        mix = draw_mix(library, 3, np.random.default_rng(seed), rule)
        again = draw_mix(library, 3, np.random.default_rng(seed), rule)
        assert np.array_equal(mix.stems, again.stems) and mix.labels == again.labels
        assert np.isfinite(mix.stems).all() and np.abs(mix.stems.sum(0)).max() <= 1.0
        levels.append(20 * np.log10(active_rms(mix.stems)))
    assert np.std(np.ptp(levels, axis=1)) > 0.5


def test_a_tilt_turns_around_one_kilohertz() -> None:
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for hz, gain_db in ((1000, 0.0), (2000, 3.0), (500, -3.0)):
        tone = np.sin(2 * np.pi * hz * at).astype(np.float32)
        found = 20 * np.log10(np.std(tilt(tone, 3.0)) / np.std(tone))
        assert found == pytest.approx(gain_db, abs=0.01)


def test_the_manifest_is_strict(tmp_path: Path) -> None:
    stems = (StemRow("dog", "a.wav", ("r1",)), StemRow("rain", "b.wav", ("r2",)))
    row = MixRow("m0", "test", 5.0, 16000, stems, 6000.0)
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    path = tmp_path / "manifest.jsonl"
    write_mixes(path, [row])
    assert read_mixes(path) == [row]
    write_mixes(path, [row, row])
    with pytest.raises(InputError, match="more than once"):
        read_mixes(path)
    (tmp_path / "b.wav").unlink()
    write_mixes(path, [row])
    with pytest.raises(InputError, match=r"missing, the first is b\.wav"):
        read_mixes(path)
    path.write_text("[1]\n")
    with pytest.raises(InputError, match="line 1: expected a JSON object"):
        read_mixes(path)
    path.write_text("")
    with pytest.raises(InputError, match="no mixtures"):
        read_mixes(path)
    with pytest.raises(InputError, match="two stems or more"):
        MixRow("m1", "test", 5.0, 16000, stems[:1])
    with pytest.raises(InputError, match="relative"):
        MixRow("m2", "test", 5.0, 16000, (stems[0], StemRow("rain", "/b.wav", ("r2",))))
