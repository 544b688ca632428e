import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from videoinv.metrics.reconstruction import ReconstructionMetrics, Scores, mean_scores, psnr
from videoinv.metrics.ssim import ssim


def reference_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang's formula with SciPy's Gaussian cut at 5 pixels, on the inner pixels of one channel."""

    def mean(x):
        return gaussian_filter(x, 1.5, radius=5)[5:-5, 5:-5]

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    score = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return float(score.mean())


def test_ssim_is_wangs():
    rng = np.random.default_rng(0)
    a, b = rng.random((3, 32, 40)), rng.random((3, 32, 40))
    b = 0.7 * a + 0.3 * b
    expected = np.mean([reference_ssim(x, y) for x, y in zip(a, b, strict=True)])
    ours = ssim(torch.from_numpy(a)[None], torch.from_numpy(b)[None])
    assert ours.item() == pytest.approx(expected, abs=1e-9)


def test_ssim_of_an_image_with_itself_is_one():
    a = torch.rand(2, 3, 20, 20)
    torch.testing.assert_close(ssim(a, a), torch.ones(2))


def test_psnr_of_a_known_error():
    a = torch.zeros(1, 3, 4, 4)
    assert psnr(a, a + 0.02).item() == pytest.approx(40.0, abs=1e-3)  # 10·log10(4 / 0.0004)


def test_scores_fall_with_noise_and_are_perfect_without():
    torch.manual_seed(0)
    source = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 8), size=96, mode="bicubic") - 0.5
    metrics = ReconstructionMetrics()
    same, noisy = (
        metrics.measure(image, source)[0]
        for image in (source, source + 0.2 * torch.randn_like(source))
    )
    assert (same.lpips, same.mse) == (pytest.approx(0, abs=1e-6), 0)
    assert same.ssim == pytest.approx(1)
    assert same.identity == pytest.approx(1)
    assert noisy.mse == pytest.approx(0.04, rel=0.05)
    assert noisy.lpips > 0.05
    assert max(noisy.ssim, noisy.identity) < 0.99


def test_mean_scores():
    a, b = Scores(0.0, 0.0, 10.0, 1.0, 1.0), Scores(1.0, 2.0, 30.0, 0.0, 0.5)
    assert mean_scores([a, b]) == Scores(0.5, 1.0, 20.0, 0.5, 0.75)
    with pytest.raises(ValueError, match="no scores"):
        mean_scores([])
