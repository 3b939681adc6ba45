"""Table of tasks: what each verb is called, and where its options and its functions are.

Everything is a string `module:name` until it is used, so that this table costs nothing to import;
the command line and the Python interface are built from it. A new task is one folder and one row.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Action:
    """A function with the dataclass of its options.

    Args:
        summary: one line for people.
        options: `module:name` of a frozen dataclass that imports without torch; for training also of a
            table kind -> `module:name`, where every kind of model has its own.
        run: `module:name` of a function (instance of it, progress) -> report or `Result`.
    """

    summary: str
    options: str
    run: str


@dataclass(frozen=True)
class TaskSpec:
    """One task.

    Args:
        name: the verb.
        job: the file job: options and progress in, `Result` out.
        prepare: recipe name -> action that builds a corpus.
        train: action that trains, or None; its options are a configuration read from TOML.
        evaluate: action that scores a model on a manifest, or None.
    """

    name: str
    job: Action
    prepare: Mapping[str, Action] = field(default_factory=dict)
    train: Action | None = None
    evaluate: Action | None = None


TASKS: dict[str, TaskSpec] = {
    "highlight": TaskSpec(
        name="highlight",
        job=Action(
            "rebalance a muddy soundtrack so that what matters in the picture stands out",
            "seehear.tasks.highlight.config:HighlightOptions",
            "seehear.tasks.highlight.infer:highlight",
        ),
        prepare={
            "muddy-mix": Action(
                "finished mixes in stems from your copy of a corpus, with seeded muddy versions",
                "seehear.tasks.highlight.prepare_options:MuddyMixOptions",
                "seehear.tasks.highlight.prepare:prepare_muddy_mix",
            ),
            "scenes": Action(
                "finished scenes with true stems from recordings and photos, by the mixing rule",
                "seehear.tasks.highlight.scenes_options:ScenesOptions",
                "seehear.tasks.highlight.prepare_scenes:prepare_scenes",
            ),
        },
        train=Action(
            "VisAH, the band-gain network or the visual encoder, as the configuration's kind says",
            "seehear.tasks.highlight.train_options:TrainConfig",
            "seehear.tasks.highlight.train:train_highlight",
        ),
        evaluate=Action(
            "distances to the finished mix, with baselines",
            "seehear.tasks.highlight.evaluate_options:EvaluateOptions",
            "seehear.tasks.highlight.evaluate:evaluate_highlight",
        ),
    ),
    "separate": TaskSpec(
        name="separate",
        job=Action(
            "the sound of the thing you point at: by words, click, box, picture or time",
            "seehear.tasks.separate.config:SeparateOptions",
            "seehear.tasks.separate.infer:separate",
        ),
        prepare={
            "mixes": Action(
                "fixed mixtures of things of different classes, from recordings and photos",
                "seehear.tasks.separate.mixes_options:MixesOptions",
                "seehear.tasks.separate.prepare_mixes:prepare_mixes",
            ),
            "music": Action(
                "manifest of your copy of MUSIC",
                "seehear.tasks.separate.corpora_options:CorpusOptions",
                "seehear.tasks.separate.prepare_corpora:prepare_music",
            ),
            "ave": Action(
                "manifest of your copy of AVE",
                "seehear.tasks.separate.corpora_options:CorpusOptions",
                "seehear.tasks.separate.prepare_corpora:prepare_ave",
            ),
            "vggsound": Action(
                "manifest of your copy of VGGSound, or of its ten animals or vehicles",
                "seehear.tasks.separate.corpora_options:CorpusOptions",
                "seehear.tasks.separate.prepare_corpora:prepare_vggsound",
            ),
            "videos": Action(
                "manifest of any folder with one folder of videos per class",
                "seehear.tasks.separate.corpora_options:CorpusOptions",
                "seehear.tasks.separate.prepare_corpora:prepare_videos",
            ),
        },
        train=Action(
            "DAVIS, the band-mask network or the space of words and pictures, as the kind says",
            "seehear.tasks.separate.train_options:TrainConfig",
            "seehear.tasks.separate.train:train_separate",
        ),
        evaluate=Action(
            "SI-SDR, SDR, SIR and SAR on mixtures or on pairs of clips, with sweeps",
            "seehear.tasks.separate.evaluate_options:EvaluateOptions",
            "seehear.tasks.separate.evaluate:evaluate_separate",
        ),
    ),
    "spatialize": TaskSpec(
        name="spatialize",
        job=Action(
            "mono sound turned into binaural sound (or ambisonics) that comes from where it is seen",
            "seehear.tasks.spatialize.config:SpatializeOptions",
            "seehear.tasks.spatialize.infer:spatialize",
        ),
        prepare={
            "pseudo-pairs": Action(
                "fixed pairs of pictures and sounds in the same places, from recordings and photos",
                "seehear.tasks.spatialize.pairs_options:PairsOptions",
                "seehear.tasks.spatialize.prepare_pairs:prepare_pairs",
            ),
            "fair-play": Action(
                "manifest of your copy of FAIR-Play, ten published or five leak-free splits",
                "seehear.tasks.spatialize.corpora_options:StereoOptions",
                "seehear.tasks.spatialize.prepare_corpora:prepare_fair_play",
            ),
            "music-stereo": Action(
                "manifest of your copy of MUSIC-Stereo",
                "seehear.tasks.spatialize.corpora_options:StereoOptions",
                "seehear.tasks.spatialize.prepare_corpora:prepare_music_stereo",
            ),
            "youtube-asmr": Action(
                "manifest of your copy of YouTube-ASMR",
                "seehear.tasks.spatialize.corpora_options:StereoOptions",
                "seehear.tasks.spatialize.prepare_corpora:prepare_youtube_asmr",
            ),
            "stereo-videos": Action(
                "manifest of any folder of videos with two channels",
                "seehear.tasks.spatialize.corpora_options:StereoOptions",
                "seehear.tasks.spatialize.prepare_corpora:prepare_stereo_videos",
            ),
        },
        train=Action(
            "the network that says where sounds come from, on simulated pairs made on the fly",
            "seehear.tasks.spatialize.train_options:TrainConfig",
            "seehear.tasks.spatialize.train:train_spatialize",
        ),
        evaluate=Action(
            "distances to the true ears, sides and angles on simulated pairs, with baselines",
            "seehear.tasks.spatialize.evaluate_options:EvaluateOptions",
            "seehear.tasks.spatialize.evaluate:evaluate_spatialize",
        ),
    ),
    "generate": TaskSpec(
        name="generate",
        job=Action(
            "sound for a silent video; a sound carried over to another; a path between two videos",
            "seehear.tasks.generate.config:GenerateOptions",
            "seehear.tasks.generate.infer:generate",
        ),
        prepare={
            "procedural": Action(
                "clips whose drawn pictures move as real sounds do, from recordings and photos",
                "seehear.tasks.generate.procedural_options:ProceduralOptions",
                "seehear.tasks.generate.prepare_procedural:prepare_procedural",
            ),
            "latents": Action(
                "what the flow transformer learns from: latents of sounds beside features of videos",
                "seehear.tasks.generate.latents_options:LatentsOptions",
                "seehear.tasks.generate.latents:prepare_latents",
            ),
            "generate-vggsound": Action(
                "clips of your copy of VGGSound, measured and filtered",
                "seehear.tasks.generate.corpora_options:ClipsOptions",
                "seehear.tasks.generate.prepare_corpora:prepare_vggsound",
            ),
            "audioset": Action(
                "clips of your copy of AudioSet",
                "seehear.tasks.generate.corpora_options:ClipsOptions",
                "seehear.tasks.generate.prepare_corpora:prepare_audioset",
            ),
            "aist": Action(
                "clips of your copy of AIST++, songs apart",
                "seehear.tasks.generate.corpora_options:ClipsOptions",
                "seehear.tasks.generate.prepare_corpora:prepare_aist",
            ),
            "landscape": Action(
                "clips of your copy of Landscape",
                "seehear.tasks.generate.corpora_options:ClipsOptions",
                "seehear.tasks.generate.prepare_corpora:prepare_landscape",
            ),
            "mv100k": Action(
                "clips of your copy of MV100K, the music videos of YouTube-8M",
                "seehear.tasks.generate.corpora_options:ClipsOptions",
                "seehear.tasks.generate.prepare_corpora:prepare_mv100k",
            ),
            "generate-videos": Action(
                "clips of any folder of videos",
                "seehear.tasks.generate.corpora_options:ClipsOptions",
                "seehear.tasks.generate.prepare_corpora:prepare_videos",
            ),
        },
        train=Action(
            "VisualAudio's parts: CAVP, autoencoder, vocoder, flow transformer, as the kind says",
            "seehear.tasks.generate.train_options:OPTIONS",
            "seehear.tasks.generate.train:train_generate",
        ),
        evaluate=Action(
            "onsets, classes, retrieval and distances of generated sounds, with baselines",
            "seehear.tasks.generate.evaluate_options:EvaluateOptions",
            "seehear.tasks.generate.evaluate:evaluate_generate",
        ),
    ),
}

# Published weights that `models import KIND` reads: kind -> function (checkpoint, folder) -> sha256.
IMPORTERS: dict[str, str] = {
    "visah": "seehear.tasks.highlight.importing:import_visah",
    "davis": "seehear.tasks.separate.importing:import_davis",
    "davis-flow": "seehear.tasks.separate.importing:import_davis_flow",
    "davis-ave": "seehear.tasks.separate.importing:import_davis_ave",
    "davis-ave-flow": "seehear.tasks.separate.importing:import_davis_ave_flow",
    "mono2binaural": "seehear.tasks.spatialize.importing:import_mono2binaural",
    "pseudobinaural": "seehear.tasks.spatialize.importing:import_pseudobinaural",
    "apnet": "seehear.tasks.spatialize.importing:import_apnet",
    "bigvgan": "seehear.tasks.generate.import_bigvgan:import_bigvgan",
    "vae1d": "seehear.tasks.generate.import_vae:import_vae",
    "cavp": "seehear.tasks.generate.import_cavp:import_cavp",
    "maa3": "seehear.tasks.generate.import_denoiser:import_maa3",
}


# Who finds the sources of a file for other tasks: (model, runtime, seed) -> `parts.Parts`.
PARTS = "seehear.tasks.separate.parts:open_parts"


def resolve(target: str) -> Any:
    """Import what `module:name` names."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
