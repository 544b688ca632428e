"""Generators alone: NVlabs' pickles (``G_ema``) and rosinality's conversions (``g_ema``)."""

from __future__ import annotations

from videoinv.checkpoints.torchfile import Content
from videoinv.published.formats.parts import Parts, generator_tensors


class NVlabsGenerator:
    """``stylegan2-ada-pytorch`` network pickles, already reduced to their tensors."""

    name = "StyleGAN2 generator (NVlabs)"

    @staticmethod
    def detect(content: Content) -> bool:
        """A pickle with G_ema, whose generator has StyleGAN2's layers."""
        return "synthesis.b4.conv1.weight" in content.section("G_ema")

    @staticmethod
    def load(content: Content) -> Parts:
        """The generator; its w̄ is among the tensors."""
        return Parts("stylegan2", generator=content.section("G_ema"))


class RosinalityGenerator:
    """``stylegan2-ffhq-config-f.pt`` and others of its naming."""

    name = "StyleGAN2 generator (rosinality)"

    @staticmethod
    def detect(content: Content) -> bool:
        """A dictionary with g_ema."""
        return "conv1.conv.weight" in content.section("g_ema")

    @staticmethod
    def load(content: Content) -> Parts:
        """The generator, with ``latent_avg`` as its w̄ where the file has it."""
        mean = content.data.get("latent_avg")
        return Parts("stylegan2", generator_tensors(content.section("g_ema"), "", mean))
