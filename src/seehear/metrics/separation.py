"""How well sources were separated: SDR, SIR and SAR of BSS-eval v3, and SI-SDR. Higher is better, dB.

An estimate is split into what a 512-tap filter can make of its own source, what 512-tap filters can make
of all sources together, and the rest:

    target = P_j e,  interference = P_all e - P_j e,  artifacts = e - P_all e
    SDR = |target|^2 / |e - target|^2,  SIR = |target|^2 / |interference|^2,
    SAR = |P_all e|^2 / |artifacts|^2

The measure is blind to gain and to short filtering of an estimate.

Source: Vincent, Gribonval and Fevotte, "Performance measurement in blind audio source separation", IEEE
    TASLP 14 (2006), in the form that the separation systems of this project are judged with.
Silence: a mixture with a silent reference or estimate (sum of absolute samples <= 1e-5) has no score; all
    its numbers are NaN and it is marked, so that whoever averages has to leave it out knowingly.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from seehear.errors import InputError

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex128]

TAPS = 512
SILENCE = 1e-5
"""Largest sum of absolute samples that counts as silence (the published rule)."""
MOST_SOURCES = 8
"""Permutations are tried one by one; more sources than this would take for ever."""


@dataclass(frozen=True)
class SeparationScores:
    """Scores of mixtures; the last axis is the reference.

    Args:
        sdr: dB, float64 [..., N].
        sir: dB, same shape; inf when nothing of the other sources is left.
        sar: dB, same shape.
        permutation: int64 [..., N], the estimate that belongs to each reference.
        silent: bool [...], True where a reference or estimate is silent and all scores are NaN.
    """

    sdr: Floats
    sir: Floats
    sar: Floats
    permutation: NDArray[np.int64]
    silent: NDArray[np.bool_]


def bss_eval(
    references: ArrayLike, estimates: ArrayLike, permute: bool = False
) -> SeparationScores:
    """Score estimates of N sources against the true ones.

    Args:
        references: [..., N, T], T > 0.
        estimates: same shape.
        permute: find the order of estimates with the best mean SIR; otherwise they are taken in the
            given order.

    Returns:
        Scores with the leading axes of the input.

    Raises:
        InputError: shapes differ, no samples, values that are not finite, or too many sources to permute.

    >>> noise = np.random.RandomState(0).standard_normal((2, 4000))
    >>> bool((bss_eval(noise, 0.5 * noise).sdr > 60).all())
    True
    """
    true, made = _checked(references, estimates)
    sources = true.shape[-2]
    if permute and sources > MOST_SOURCES:
        raise InputError(
            f"{sources} sources have too many orders to try, at most {MOST_SOURCES}; "
            f"give the estimates in order"
        )
    lead = true.shape[:-2]
    work = np.empty((sources, TAPS, sources, TAPS))
    flat = [_score(r, e, permute, work) for r, e in zip(_rows(true), _rows(made), strict=True)]
    scores = np.array([row[0] for row in flat]).reshape(*lead, 3, sources)
    order = np.array([row[1] for row in flat], np.int64).reshape(*lead, sources)
    return SeparationScores(
        sdr=scores[..., 0, :],
        sir=scores[..., 1, :],
        sar=scores[..., 2, :],
        permutation=order,
        silent=np.isnan(scores[..., 0, :]).all(-1),
    )


def si_sdr(references: ArrayLike, estimates: ArrayLike) -> Floats:
    """Scale-invariant SDR: the only change allowed is one gain. The mean is not removed.

    Args:
        references: [..., T].
        estimates: same shape.

    Returns:
        dB, float64 [...]; NaN where the reference or the estimate is silent.

    Raises:
        InputError: shapes differ, no samples, or values that are not finite.

    Source: Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, eq. 3.

    >>> si_sdr([[1.0, 0.0]], [[3.0, 0.3]]).round(6).tolist()
    [20.0]
    """
    true, made = _checked(references, estimates, axes=1)
    silent = (_loudness(true) <= SILENCE) | (_loudness(made) <= SILENCE)
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = (true * made).sum(-1) / np.square(true).sum(-1)
        target = gain[..., None] * true
        ratio = np.square(target).sum(-1) / np.square(made - target).sum(-1)
        decibel = 10 * np.log10(ratio)
    return np.where(silent, np.nan, decibel)


# One mixture --------------------------------------------------------------------------------


def _score(true: Floats, made: Floats, permute: bool, work: Floats) -> tuple[Floats, list[int]]:
    """Scores [3, N] and the order of one mixture, [N, T] each."""
    sources = len(true)
    straight = list(range(sources))
    if _silent(true, made):
        return np.full((3, sources), np.nan), straight
    pairs = list(itertools.product(straight, straight)) if permute else [(j, j) for j in straight]
    found = _decompose(true, made, pairs, work)
    if permute:
        sir = np.array([[found[e, j][1] for j in straight] for e in straight])
        orders = list(itertools.permutations(straight))
        best = max(range(len(orders)), key=lambda i: sir[list(orders[i]), straight].mean())
        straight = list(orders[best])
    return np.array([found[e, j] for j, e in enumerate(straight)]).T, straight


def _decompose(
    true: Floats, made: Floats, pairs: list[tuple[int, int]], work: Floats
) -> dict[tuple[int, int], tuple[float, float, float]]:
    """SDR, SIR and SAR of (estimate, reference) pairs; everything is shared that can be."""
    length = true.shape[1] + TAPS - 1
    size = scipy.fft.next_fast_len(length, real=True)
    sources: Spectra = scipy.fft.rfft(true, size)  # [N, F]
    spectra: Spectra = scipy.fft.rfft(made, size)
    own = _own_correlations(sources, size)  # [N, N, 2 TAPS - 1]
    cross = _correlations(sources[:, None], spectra[None], size)[..., TAPS - 1 :]  # [N, E, TAPS]
    columns = own[range(len(true)), range(len(true)), TAPS - 1 :]
    alone = {(e, j): _solve_alone(columns[j], cross[j, e]) for e, j in pairs}
    filters = _solve_all(own, cross, work)  # [N, E, TAPS]
    everything = np.einsum("jf,jef->ef", sources, scipy.fft.rfft(filters, size))
    weight = np.full(sources.shape[1], 2.0)  # Parseval for a half spectrum
    weight[0] = 1.0
    if size % 2 == 0:
        weight[-1] = 1.0
    found = {}
    for (e, j), taps in alone.items():
        target = sources[j] * scipy.fft.rfft(taps, size)
        wanted = _energy(target, weight)
        found[e, j] = (
            _decibel(wanted, _energy(spectra[e] - target, weight)),
            _decibel(wanted, _energy(everything[e] - target, weight)),
            _decibel(_energy(everything[e], weight), _energy(spectra[e] - everything[e], weight)),
        )
    return found


def _own_correlations(sources: Spectra, size: int) -> Floats:
    """Correlations of every source i with every source j, of which half are others reversed."""
    count = len(sources)
    own = np.empty((count, count, 2 * TAPS - 1))
    for i in range(count):
        own[i, i:] = _correlations(sources[i], sources[i:], size)
        own[i + 1 :, i] = own[i, i + 1 :, ::-1]
    return own


def _correlations(x: Spectra, y: Spectra, size: int) -> Floats:
    """Sums over n of x[n] y[n + lag] for the lags -(TAPS - 1) .. TAPS - 1, along the last axis."""
    whole = scipy.fft.irfft(x.conj() * y, size)
    return np.concatenate([whole[..., 1 - TAPS :], whole[..., :TAPS]], axis=-1)


def _energy(spectrum: Spectra, weight: Floats) -> float:
    parts = spectrum.real**2 + spectrum.imag**2
    return float(parts @ weight)


def _decibel(wanted: float, rest: float) -> float:
    if rest == 0.0:
        return float("inf")
    return float(10 * np.log10(wanted / rest)) if wanted > 0.0 else float("-inf")


# Normal equations ---------------------------------------------------------------------------


def _solve_alone(column: Floats, right: Floats) -> Floats:
    """One source alone: symmetric Toeplitz system [TAPS], by recursion, else by elimination."""
    try:
        solution: Floats = scipy.linalg.solve_toeplitz(column, right)
    except np.linalg.LinAlgError:
        solution = _eliminate(scipy.linalg.toeplitz(column), right)
    return solution


def _solve_all(own: Floats, cross: Floats, work: Floats) -> Floats:
    """All sources together: filters [N, E, TAPS] that fit every estimate best.

    The matrix of correlations is symmetric, so one Cholesky factor of its lower half serves all
    estimates.

    Args:
        own: correlations of all sources, [N, N, lag].
        cross: correlations of sources with estimates, [N, E, lag >= 0].
        work: [N, TAPS, N, TAPS], room for the matrix; overwritten.
    """
    sources, estimates, _ = cross.shape
    for i in range(sources):
        for j in range(i + 1):
            # The factorisation reads the transpose, and of that only the lower half.
            work[j, :, i, :] = _block(own[i, j])
    flat = work.reshape(sources * TAPS, sources * TAPS)
    right = cross.transpose(1, 0, 2).reshape(estimates, sources * TAPS)
    factor, failed = scipy.linalg.lapack.dpotrf(flat.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        whole = np.block([[_block(own[i, j]) for i in range(sources)] for j in range(sources)])
        solution = _eliminate(whole, right.T)
    else:
        solution, _ = scipy.linalg.lapack.dpotrs(factor, right.T, lower=1)
    return np.ascontiguousarray(solution.T).reshape(estimates, sources, TAPS).swapaxes(0, 1)


def _block(correlation: Floats) -> Floats:
    """Correlations by lag -> Toeplitz matrix with entry (l, k) at lag k - l; a view."""
    return np.lib.stride_tricks.sliding_window_view(correlation, TAPS)[::-1]


def _eliminate(matrix: Floats, right: Floats) -> Floats:
    """For matrices that rounding made indefinite: sources without any sound in parts of the band."""
    try:
        solution = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        # Filtered copies of each other: any of the equally good filters.
        solution = np.linalg.lstsq(matrix, right, rcond=None)[0]
    return np.asarray(solution, np.float64)


# Input --------------------------------------------------------------------------------------


def _checked(references: ArrayLike, estimates: ArrayLike, axes: int = 2) -> tuple[Floats, Floats]:
    true, made = np.asarray(references, np.float64), np.asarray(estimates, np.float64)
    if true.shape != made.shape or true.ndim < axes or 0 in true.shape[-axes:]:
        wanted = "[..., sources, samples]" if axes == 2 else "[..., samples]"
        raise InputError(
            f"references and estimates must have one shape {wanted} with at least one sample, "
            f"not {true.shape} and {made.shape}"
        )
    with np.errstate(invalid="ignore"):
        finite = bool(np.isfinite(true.sum() + made.sum()))
    if not finite:
        raise InputError("references and estimates must be finite numbers; find where they are not")
    return true, made


def _rows(waveforms: Floats) -> Floats:
    return waveforms.reshape(-1, *waveforms.shape[-2:])


def _loudness(waveforms: Floats) -> Floats:
    return np.asarray(np.abs(waveforms).sum(-1))


def _silent(true: Floats, made: Floats) -> bool:
    return bool((_loudness(true) <= SILENCE).any() or (_loudness(made) <= SILENCE).any())
