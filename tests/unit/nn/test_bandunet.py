"""Shared blocks: what half precision can hold, short sounds, attention after equal runs."""

import torch
from torch import nn

from seehear.nn.bandunet import Block, TimeLine, columns, fit_half_precision, grid_spectrum


def test_statistics_fit_into_half_precision_and_the_function_stays() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(Block(3, 8), Block(8, 4, stride=(2, 2)))
    with torch.no_grad():
        network[0].entry.weight.mul_(3000.0)
    for _ in range(30):
        network(torch.randn(4, 3, 16, 16))
    network.eval()
    x = torch.randn(2, 3, 16, 16)
    before = network(x)
    assert float(network[0].norm.running_var.max()) > 65504
    fit_half_precision(network)
    assert float(network[0].norm.running_var.max()) <= 1000
    assert torch.allclose(network(x), before, atol=1e-4)


def test_short_sounds_are_padded_and_a_full_sine_has_one() -> None:
    assert grid_spectrum(torch.randn(2, 5), 1024, 320).shape == (2, 513, 1)
    time = torch.arange(16000) / 16000
    spectrum = grid_spectrum(torch.sin(2 * torch.pi * 1000 * time)[None], 1024, 320)
    assert abs(float(spectrum[0, 64, 20].abs()) - 1) < 1e-3


def test_the_time_line_attends_as_often_as_asked() -> None:
    line = TimeLine(6, 8, (1, 2, 4), attentions=1)
    squeezed, heard = line(torch.randn(2, 6, 11))
    assert squeezed.shape == (2, 6, 11) and heard.shape == (2, 8, 11)
    (squeezed.sum() + heard.square().sum()).backward()
    assert all(p.grad is not None for p in line.parameters())


def test_columns_keep_what_is_known_and_are_linear_in_between() -> None:
    fine = columns(torch.tensor([0.0, 4.0, 8.0]), 10)
    assert fine.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
