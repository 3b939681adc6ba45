"""Batches for training the band-mask network: mixtures and questions made on the fly.

Batch number n is a pure function of the seed and n, so a resumed run sees what an uninterrupted one
would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from seehear.data.mixes import Mix, MixRule, draw_mix
from seehear.data.sounds import ThingLibrary

MAX_STEMS = 3


@dataclass(frozen=True)
class MixBatch:
    """Mixtures with questions.

    Args:
        stems: [B, S, T]; the sum over S is the mixture; absent ones are zero.
        queries: [B, Q, D].
        query_mask: [B, Q].
        asked: [B, Q + 1, S], 1 where a stem belongs to a query, or (last) to the residual.
        labels: int64 [B, S], class of each stem; the number of classes for one of no class.
    """

    stems: Tensor
    queries: Tensor
    query_mask: Tensor
    asked: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> MixBatch:
        """The same batch on another device."""
        return MixBatch(
            self.stems.to(device),
            self.queries.to(device),
            self.query_mask.to(device),
            self.asked.to(device),
            self.labels.to(device),
        )


@dataclass(frozen=True)
class AskSettings:
    """How mixtures are drawn and what is asked about them.

    Args:
        batch: mixtures per batch of the usual length.
        seed: of everything.
        counts: shares of mixtures of one, two and three sounds.
        several: share of mixtures about which more than one question is asked.
        absent: share of questions about something that is not there.
        blurred: share of questions that lie between the class and another one, as pictures do.
        long: share of batches with mixtures of twice the length, half as many.
    """

    batch: int = 12
    seed: int = 0
    counts: tuple[float, float, float] = (0.07, 0.63, 0.3)
    several: float = 0.3
    absent: float = 0.12
    blurred: float = 0.3
    long: float = 0.15


class MixBatches:
    """Batch number -> mixtures of one split with questions.

    Args:
        library: sounds of the split.
        concepts: class -> its vector [D]; the order is that of the model's classes.
        groups: words for several classes -> these.
        settings: how questions are drawn.
        rule: mixing rule.
    """

    def __init__(
        self,
        library: ThingLibrary,
        concepts: Mapping[str, Tensor],
        groups: Mapping[str, tuple[str, ...]],
        settings: AskSettings,
        rule: MixRule | None = None,
    ) -> None:
        self.library, self.settings = library, settings
        self.rule = rule or MixRule()
        self.indices = {label: index for index, label in enumerate(concepts)}
        self.concepts = {label: concepts[label].numpy() for label in sorted(library.things)}
        self.groups = {
            word: members
            for word, classes in sorted(groups.items())
            if len(members := tuple(c for c in classes if c in self.concepts)) > 1
        }

    def __call__(self, number: int) -> MixBatch:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, number])
        rule, size = self.rule, settings.batch
        if rng.random() < settings.long:
            rule, size = replace(rule, duration_s=2 * rule.duration_s), max(size // 2, 1)
        counts = 1 + rng.choice(3, size=size, p=settings.counts)
        mixes = [draw_mix(self.library, int(count), rng, rule) for count in counts]
        asked = [self._ask(mix, rng) for mix in mixes]
        most = max(len(queries) for queries, _ in asked)
        length = mixes[0].stems.shape[1]
        dim = len(next(iter(self.concepts.values())))
        stems = np.zeros((size, MAX_STEMS, length), np.float32)
        queries = np.zeros((size, most, dim), np.float32)
        mask = np.zeros((size, most), bool)
        belongs = np.zeros((size, most + 1, MAX_STEMS), np.float32)
        for row, (mix, (vectors, members)) in enumerate(zip(mixes, asked, strict=True)):
            count = len(mix.labels)
            stems[row, :count] = mix.stems
            queries[row, : len(vectors)], mask[row, : len(vectors)] = vectors, True
            belongs[row, : len(vectors), :count] = members
            belongs[row, -1, :count] = 1 - np.sum(members, axis=0)
        none = len(self.indices)
        labels = np.full((size, MAX_STEMS), none)
        for row, mix in enumerate(mixes):
            labels[row, : len(mix.labels)] = [self.indices.get(name, none) for name in mix.labels]
        parts = (stems, queries, mask, belongs, labels)
        return MixBatch(*(torch.from_numpy(part) for part in parts))

    def _ask(self, mix: Mix, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Vectors of one to three questions, and which stems [S] each is about."""
        settings = self.settings
        present = [label for label in mix.labels if label in self.concepts]
        order = [present[i] for i in rng.permutation(len(present))]
        count = 1
        if rng.random() < settings.several:
            count = int(rng.integers(2, MAX_STEMS + 1))
        vectors, members = [], []
        for index in range(count):
            if index >= len(order) or rng.random() < settings.absent:
                absent = [c for c in self.concepts if c not in mix.labels]
                if not absent:
                    break
                label = absent[int(rng.integers(len(absent)))]
            else:
                label = order[index]
            vectors.append(self._blur(label, mix, rng))
            members.append(np.array([float(name == label) for name in mix.labels]))
        if count == 1 and members and rng.random() < 0.1:
            self._widen(mix, order, vectors, members, rng)
        return vectors, members

    def _blur(self, label: str, mix: Mix, rng: np.random.Generator) -> np.ndarray:
        vector = self.concepts[label]
        if rng.random() < self.settings.blurred:
            others = [c for c in self.concepts if c not in mix.labels]
            if others:
                share = rng.uniform(0.0, 0.4)
                other = self.concepts[others[int(rng.integers(len(others)))]]
                vector = (1 - share) * vector + share * other
                vector = vector / np.linalg.norm(vector)
        return np.asarray(vector, dtype=np.float32)

    def _widen(
        self,
        mix: Mix,
        order: list[str],
        vectors: list[np.ndarray],
        members: list[np.ndarray],
        rng: np.random.Generator,
    ) -> None:
        """Ask for a group of classes instead of one of them."""
        words = [w for w, classes in self.groups.items() if order and order[0] in classes]
        if not words:
            return
        classes = self.groups[words[int(rng.integers(len(words)))]]
        total = np.sum([self.concepts[c] for c in classes], axis=0)
        vectors[0] = np.asarray(total / np.linalg.norm(total), dtype=np.float32)
        members[0] = np.array([float(name in classes) for name in mix.labels])
