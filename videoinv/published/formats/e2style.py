"""E2Style checkpoints: ``encoder_firststage.``, ``encoder_refinestage_list.i.``, ``decoder.``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from videoinv.checkpoints.torchfile import Content
from videoinv.encoders.e2style import LEVELS
from videoinv.encoders.weights import numbered, under
from videoinv.published.formats.parts import Parts, generator_tensors, mean_of, published

_FIRST = "encoder_firststage."
_REFINING = "encoder_refinestage_list.{}."


class E2StyleFormat:
    """One to three stages, pooling read from the shapes."""

    name = "E2Style"

    @staticmethod
    def detect(content: Content) -> bool:
        """The first stage's prefix."""
        return any(name.startswith(_FIRST) for name in content.section("state_dict"))

    @staticmethod
    def load(content: Content) -> Parts:
        """All stages there are; units of the trunk that never run are left out on assignment."""
        state = content.section("state_dict")
        refining = numbered(state, _REFINING + "output_layer_3.3.weight")
        prefixes = [_FIRST, *(_REFINING.format(index) for index in range(refining))]
        encoder: dict[str, Tensor] = {}
        for index, prefix in enumerate(prefixes):
            encoder |= under(_stage(state, prefix), f"{index}.")
        mean = content.data.get("latent_avg")
        return Parts(
            "e2style",
            generator=generator_tensors(state, "decoder.", mean),
            encoder=encoder,
            mean_codes=mean_of(content.data, content.section("opts")),
        )


def _stage(state: Mapping[str, Any], prefix: str) -> dict[str, Tensor]:
    stage = published(state, prefix)
    for index, level in enumerate(LEVELS):
        for part in [name for name in stage if name.startswith(level + ".")]:
            stage[part.replace(level, f"heads.{index}", 1)] = stage.pop(part)
    return stage
