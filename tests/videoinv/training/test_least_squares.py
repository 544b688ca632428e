"""Ridge regression in batches is that of all at once."""

import pytest
import torch

from videoinv.training.least_squares import LeastSquares


def test_a_linear_map_is_found_whatever_the_batches():
    made = torch.Generator().manual_seed(0)
    x = torch.randn(400, 3, generator=made) + 5
    weight, bias = torch.tensor([[1.0, -2, 0], [0, 0.5, 3]]), torch.tensor([7.0, -1])
    y = x @ weight.T + bias
    sums = LeastSquares()
    for start, end in ((0, 1), (1, 150), (150, 400)):
        sums.add(x[start:end], y[start:end])
    fitted = sums.solve()
    assert torch.allclose(fitted.weight.float(), weight, atol=0.01)
    assert torch.allclose(fitted.weight.float() @ x.mean(0) + fitted.bias.float(), y.mean(0))
    assert fitted.total == pytest.approx(float(y.var(0, correction=0).sum()), rel=1e-4)
    assert 0 <= fitted.missed < 1e-4 * fitted.total


def test_noise_stays_unexplained():
    made = torch.Generator().manual_seed(0)
    x, noise = torch.randn(5000, 2, generator=made), torch.randn(5000, 1, generator=made)
    sums = LeastSquares()
    sums.add(x, x[:, :1] + 2 * noise)
    assert sums.solve().missed == pytest.approx(4, rel=0.1)


def test_inputs_that_never_change_explain_nothing():
    sums = LeastSquares()
    y = torch.arange(4.0)[:, None]
    sums.add(torch.ones(4, 2), y)
    fitted = sums.solve()
    assert not fitted.weight.any() and fitted.bias == y.mean()
