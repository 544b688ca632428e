"""What is asked of codes by themselves: near W, near the mean, or equal to known ones."""

from __future__ import annotations

from torch import Tensor


def delta_norm(codes: Tensor) -> Tensor:
    """L_d-reg = Σ_{i=1}^{L−1} ‖Δ_i‖₂ with w_i = w_0 + Δ_i  (e4e, Tov et al. 2021, §5.1).

    Codes [B, L, 512] whose rows are all equal lie in W and cost nothing: [B].
    """
    deltas = (codes[:, 1:] - codes[:, :1]).float()
    norms: Tensor = deltas.norm(dim=2)
    return norms.sum(dim=1)


def mean_distance(codes: Tensor, mean_codes: Tensor) -> Tensor:
    """L_reg = ‖w − w̄‖², mean over rows and dimensions (pSp's L_reg): [B, L, 512] → [B]."""
    return (codes - mean_codes).float().square().flatten(1).mean(dim=1)


def code_distance(codes: Tensor, known: Tensor) -> Tensor:
    """‖w − w*‖², mean over rows and dimensions, for images whose codes w* are known: [B]."""
    return (codes - known).float().square().flatten(1).mean(dim=1)
