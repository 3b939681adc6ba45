"""The small visual encoder."""

import torch

from seehear.models.glance import tiny_glance


def test_bytes_and_fractions_give_the_same() -> None:
    model = tiny_glance().eval()
    frames = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(model(frames), model(frames.float() / 255), atol=1e-6)
        assert model(frames).shape == (3, 8)
        assert float(model(frames).abs().max()) <= 1.0


def test_neighbours_in_a_batch_do_not_matter() -> None:
    model = tiny_glance().eval()
    frames = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(model(frames)[1], model(frames[1:2])[0], atol=1e-6)


def test_every_parameter_learns() -> None:
    model = tiny_glance().train()
    model.classify(model(torch.rand(4, 3, 32, 32))).logsumexp(1).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.abs().sum() > 0), name


def test_tiny_is_seeded_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = tiny_glance(), tiny_glance()
    assert torch.equal(before, torch.get_rng_state())
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
