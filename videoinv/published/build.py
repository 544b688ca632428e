"""Networks out of parts, and parts out of networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from videoinv.encoders.e2style import E2Style, Stages
from videoinv.encoders.e4e import E4E
from videoinv.encoders.feature_style import PAPER_LAYER, FeatureStyle, FeatureStyleNet
from videoinv.encoders.heads import ProgressiveStyleEncoder, SingleStyleEncoder, StyleEncoder
from videoinv.encoders.hyperinverter import HyperInverter, HyperInverterNet
from videoinv.encoders.images import Framing
from videoinv.encoders.protocol import Encoder
from videoinv.encoders.psp import PSP
from videoinv.encoders.restyle import ReStyle
from videoinv.encoders.weights import Network
from videoinv.errors import CheckpointError
from videoinv.generators.protocol import Generator
from videoinv.published.formats.parts import Parts


@dataclass(frozen=True)
class Materials:
    """What a builder works with: the parts, the generator they are for, and where they go."""

    parts: Parts
    generator: Generator
    dtype: torch.dtype

    def place(self, network: Network) -> Network:
        """The network on the generator's device, in the dtype asked for."""
        return network.to(self.generator.device, self.dtype)

    def mean_codes(self, rows: int | None = None) -> Tensor:
        """w̄ [L, 512] in float32: the encoder's own, else the generator's.

        Raises:
            CheckpointError: if encoder and generator have different numbers of rows.
        """
        styles = self.generator.styles
        mean = self.parts.mean_codes
        mean = self.generator.mean_codes if mean is None else mean
        have = rows if rows is not None else (len(mean) if mean.ndim == 2 else styles)
        if have != styles:
            raise CheckpointError(
                f"the {self.parts.system} encoder predicts {have} rows, but the generator of "
                f"{self.generator.resolution} pixels takes {styles}: they do not belong together"
            )
        return mean.to(self.generator.device, torch.float32).expand(styles, -1)

    def framing(self, input_size: int) -> Framing:
        """The frame in the settings, else a square."""
        settings = self.parts.settings
        width = settings.get("width", input_size)
        return Framing(settings.get("height", width), width)


def build_encoder(parts: Parts, generator: Generator, dtype: torch.dtype) -> Encoder:
    """The encoder of these parts, over this generator and on its device.

    Raises:
        CheckpointError: if tensors are missing, or encoder and generator do not fit together.
    """
    try:
        builder = SYSTEMS[parts.system]
    except KeyError:
        known = ", ".join(SYSTEMS)
        raise CheckpointError(f"no encoder is called '{parts.system}'; known are {known}") from None
    return builder(Materials(parts, generator, dtype))


def _single(materials: Materials) -> Encoder:
    net = materials.place(SingleStyleEncoder.from_state_dict(materials.parts.encoder))
    return PSP(net, materials.mean_codes(), materials.framing(net.input_size))


def _psp(materials: Materials) -> Encoder:
    net = materials.place(StyleEncoder.from_state_dict(materials.parts.encoder))
    return PSP(net, materials.mean_codes(len(net.styles)), materials.framing(net.input_size))


def _e4e(materials: Materials) -> Encoder:
    net = materials.place(ProgressiveStyleEncoder.from_state_dict(materials.parts.encoder))
    return E4E(net, materials.mean_codes(len(net.styles)), materials.framing(net.input_size))


def _restyle(kind: type[StyleEncoder]) -> Callable[[Materials], Encoder]:
    def build(materials: Materials) -> Encoder:
        net = materials.place(kind.from_state_dict(materials.parts.encoder))
        mean = materials.mean_codes(len(net.styles))
        return ReStyle(net, materials.generator, mean, materials.framing(net.input_size))

    return build


def _e2style(materials: Materials) -> Encoder:
    dim = materials.generator.mean_codes.shape[1]
    stages = materials.place(Stages.from_state_dict(materials.parts.encoder, dim))
    return E2Style(
        stages, materials.generator, materials.mean_codes(stages.rows), materials.framing(256)
    )


def _hyperinverter(materials: Materials) -> Encoder:
    net = materials.place(HyperInverterNet.from_state_dict(materials.parts.encoder))
    mean = materials.mean_codes(len(net.w_bar_encoder.styles))
    return HyperInverter(net, materials.generator, mean)


def _feature_style(materials: Materials) -> Encoder:
    settings = materials.parts.settings
    layer = settings.get("layer", PAPER_LAYER)
    framing = materials.framing(256)
    shape = materials.generator.feature_shape(layer)
    net = materials.place(
        FeatureStyleNet.from_state_dict(materials.parts.encoder, shape, framing.width)
    )
    mean = materials.mean_codes(len(net.styles))
    residual = bool(settings.get("residual", 0))
    return FeatureStyle(net, materials.generator, mean, layer, residual, framing)


SYSTEMS: dict[str, Callable[[Materials], Encoder]] = {
    "w": _single,
    "psp": _psp,
    "e4e": _e4e,
    "restyle-psp": _restyle(StyleEncoder),
    "restyle-e4e": _restyle(ProgressiveStyleEncoder),
    "e2style": _e2style,
    "hyperinverter": _hyperinverter,
    "feature-style": _feature_style,
}
"""Every system that has an encoder, by the name in ``Parts.system``."""


def encoder_parts(encoder: Encoder) -> Parts:
    """An encoder taken apart, such that ``build_encoder`` makes it again.

    Raises:
        CheckpointError: if it is none of the published systems' encoders.
    """
    if not isinstance(encoder, PSP | ReStyle | E2Style | HyperInverter | FeatureStyle):
        raise CheckpointError(f"a {type(encoder).__name__} has no weights to save")
    if type(encoder) not in (*_NAMES, ReStyle):  # the same systems on networks of another kind
        raise CheckpointError(
            f"a {type(encoder).__name__} is none of the published networks, and what is saved "
            "here could not be read back: it has a file of its own, which `videoinv train` wrote "
            "or which came with the package; give that as the encoder"
        )
    return Parts(
        system_of(encoder),
        encoder=encoder.net.state_dict(),
        mean_codes=encoder.mean_codes,
        settings=_settings(encoder),
    )


def system_of(encoder: Encoder) -> str:
    """The name in ``SYSTEMS`` of an encoder; its class's name for one that is not there."""
    if isinstance(encoder, ReStyle):
        over = "e4e" if isinstance(encoder.net, ProgressiveStyleEncoder) else "psp"
        return f"restyle-{over}"
    if isinstance(encoder, PSP) and isinstance(encoder.net, SingleStyleEncoder):
        return "w"
    return _NAMES.get(type(encoder), type(encoder).__name__.lower())


_NAMES: dict[type, str] = {
    PSP: "psp",
    E4E: "e4e",
    E2Style: "e2style",
    HyperInverter: "hyperinverter",
    FeatureStyle: "feature-style",
}


def _settings(encoder: PSP | ReStyle | E2Style | HyperInverter | FeatureStyle) -> dict[str, int]:
    if isinstance(encoder, HyperInverter):
        return {}
    settings = {"height": encoder.framing.height, "width": encoder.framing.width}
    if isinstance(encoder, FeatureStyle):
        settings |= {"layer": encoder.layer, "residual": int(encoder.residual)}
    return settings
