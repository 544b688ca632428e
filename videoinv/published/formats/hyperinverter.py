"""HyperInverter checkpoints: both encoders and the hypernetworks, without a generator."""

from __future__ import annotations

from videoinv.checkpoints.torchfile import Content
from videoinv.encoders.weights import below, under
from videoinv.published.formats.parts import Parts, published

_HYPERNETWORKS = "hypernet.weight_regressors."


class HyperInverterFormat:
    """D, the trunk and the layers that change are read from names and shapes."""

    name = "HyperInverter"

    @staticmethod
    def detect(content: Content) -> bool:
        """The hypernetworks' prefix."""
        return any(name.startswith(_HYPERNETWORKS) for name in content.section("state_dict"))

    @staticmethod
    def load(content: Content) -> Parts:
        """Its discriminator is left out; w̄ is the generator's own."""
        state = content.section("state_dict")
        encoder = under(below(state, _HYPERNETWORKS), _HYPERNETWORKS)
        for network in ("w_encoder.", "w_bar_encoder."):
            encoder |= under(published(state, network), network)
        return Parts("hyperinverter", encoder=encoder)
