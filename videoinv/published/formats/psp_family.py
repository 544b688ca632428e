"""Checkpoints of the pSp family: ``state_dict`` with ``encoder.`` and ``decoder.``.

pSp, e4e and ReStyle over either share one layout, and the tensors of the pSp and e4e readings are
alike; only ``opts["encoder_type"]`` tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from videoinv.checkpoints.torchfile import Content
from videoinv.encoders.images import CARS
from videoinv.encoders.weights import numbered
from videoinv.published.formats.parts import Parts, generator_tensors, mean_of, published


class SingleCode:
    """Encoders into W: HyperInverter's phase I and e4e's single-style variant."""

    name = "W encoder"

    @staticmethod
    def detect(content: Content) -> bool:
        """``encoder.linear`` and no map2style blocks."""
        state = content.section("state_dict")
        return "encoder.linear.weight" in state and "encoder.styles.0.linear.weight" not in state

    @staticmethod
    def load(content: Content) -> Parts:
        """The encoder, and the generator if the file has one."""
        return _parts("w", content)


class OnePass:
    """pSp and e4e: a stem of the image's own channels."""

    name = "pSp or e4e"

    @staticmethod
    def detect(content: Content) -> bool:
        """map2style blocks behind a stem that takes no reconstruction."""
        return _has_styles(content) and not _sees_reconstruction(content)

    @staticmethod
    def load(content: Content) -> Parts:
        """e4e by its options' encoder type; otherwise pSp."""
        return _parts("e4e" if _is_progressive(content) else "psp", content)


class Iterative:
    """ReStyle over pSp or e4e: a six-channel stem."""

    name = "ReStyle"

    @staticmethod
    def detect(content: Content) -> bool:
        """map2style blocks behind a stem that takes a reconstruction beside the image."""
        return _has_styles(content) and _sees_reconstruction(content)

    @staticmethod
    def load(content: Content) -> Parts:
        """Over e4e by its options' encoder type; otherwise over pSp."""
        return _parts("restyle-e4e" if _is_progressive(content) else "restyle-psp", content)


def _parts(system: str, content: Content) -> Parts:
    state, opts = content.section("state_dict"), content.section("opts")
    mean = content.data.get("latent_avg")
    return Parts(
        system,
        generator=generator_tensors(state, "decoder.", mean if isinstance(mean, Tensor) else None),
        encoder=published(state, "encoder."),
        mean_codes=mean_of(content.data, opts),
        settings=_frame(opts),
    )


def _frame(opts: Mapping[str, Any]) -> dict[str, int]:
    if "cars" not in str(opts.get("dataset_type", "")):
        return {}
    return {"height": CARS.height, "width": CARS.width}


def _has_styles(content: Content) -> bool:
    return numbered(content.section("state_dict"), "encoder.styles.{}.linear.weight") > 0


def _sees_reconstruction(content: Content) -> bool:
    """Six channels; segmentation maps come with 19 and sketches with 1, in one pass."""
    state = content.section("state_dict")
    stem = state.get("encoder.input_layer.0.weight", state.get("encoder.conv1.weight"))
    return isinstance(stem, Tensor) and stem.shape[1] == 6


def _is_progressive(content: Content) -> bool:
    """e4e's reading: by name, or by the schedule of its training where the name is missing."""
    opts = content.section("opts")
    kind = str(opts.get("encoder_type", ""))
    if kind:
        return "Progressive" in kind or kind == "Encoder4Editing"
    return any(str(option).startswith("progressive_") for option in opts)
