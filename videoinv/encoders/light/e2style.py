"""E2Style on light stages (Wei et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from videoinv.encoders.e2style import E2Style, Stage
from videoinv.encoders.images import Framing
from videoinv.encoders.light.network import (
    CodesNet,
    LightSize,
    render_smaller,
    row_groups,
    start_training,
)
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

GAIN = 0.5
"""Part of a difference between two readings by which codes are moved: the whole overshoots."""


@dataclass(frozen=True)
class LightE2Style(E2Style):
    """w_1 = w̄ + E_1(x);  w_t = w_{t−1} + ½(E_t(x) − E_t(ŷ)), each stage with its own weights.

    ŷ is the generator's reduced image of w_{t−1}. The paper's later stages see it beside x; these
    read one after the other (as in ``restyle.py``), so each can begin as the stage before it.
    """

    net: nn.ModuleList  # type: ignore[assignment]  # the same system on other stages

    @classmethod
    def build(cls, generator: Generator, size: LightSize) -> LightE2Style:
        """The encoder for a generator, its weights still random."""
        groups, device = row_groups(generator), generator.device
        stages = (CodesNet(groups, size, device) for _ in range(size.stages))
        net = nn.ModuleList(stages).to(device)
        framing = Framing(size.side, size.side)
        return cls(net, generator, generator.mean_codes.float(), framing)

    def start_training(self) -> None:
        """ImageNet weights and the generator's W; further stages begin by changing nothing."""
        start_training(self.net, self.generator)
        for stage in self.net[1:]:
            assert isinstance(stage, CodesNet)
            stage.codes.begin_at_zero()

    def stages(self, x: Tensor) -> Stage:
        """All stages with what the heads are told of the images."""
        told = self.net[0].tell(x)  # type: ignore[operator]

        def stage(index: int, y: Tensor | None) -> Tensor:
            net = self.net[index]
            read: Tensor = net(x, told)
            return read if y is None else GAIN * (read - net(y))

        return stage

    def render(self, codes: Tensor) -> Tensor:
        """G(w) at the encoder's side, by the generator's cheapest pass; not clamped."""
        return self.generator.synthesize(Latent(codes), self.input_size)

    def seen(self, codes: Tensor) -> Tensor:
        """What the next stage sees of them, from half the side."""
        return render_smaller(self.generator, codes, self.input_size)
