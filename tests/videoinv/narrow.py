"""Generators of few channels, which cost a test next to nothing."""

import torch

from videoinv.generators.mobilestylegan import MobileStyleGAN


def with_random_weights(generator: MobileStyleGAN, spread: float) -> MobileStyleGAN:
    """The generator, frozen, with weights under which each layer's output is about ``spread``."""
    for name, parameter in generator.named_parameters():
        if "mapping" not in name and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=spread * parameter[0].numel() ** -0.5)
        elif "style.bias" in name or "up.bias" in name:
            torch.nn.init.ones_(parameter)
    return generator.eval().requires_grad_(False)
