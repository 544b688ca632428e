"""The discriminator that is trained beside an encoder."""

import torch

from videoinv.losses.adversarial import LatentDiscriminator
from videoinv.training.adversary import Adversary
from videoinv.training.recipes import Optimisation


def make(rate):
    torch.manual_seed(0)
    return Adversary(LatentDiscriminator(8, 1), Optimisation(adversary_rate=rate, r1=0.0))


def pairs():
    return torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(1))


def test_a_rate_that_changed_since_the_checkpoint_counts():
    begun, still = make(0.1), make(0.0)
    begun.update(*pairs(), 0)
    still.load_state_dict(begun.state_dict())
    still.update(*pairs(), 1)
    kept = begun.network.state_dict()
    assert all(torch.equal(t, kept[name]) for name, t in still.network.state_dict().items())


def test_a_second_update_in_an_autocast_block_sees_the_first():
    together, apart = make(0.1), make(0.1)
    with torch.autocast("cpu", torch.bfloat16):
        losses = [together.update(*pairs(), step) for step in range(2)]
    for step, loss in enumerate(losses):
        with torch.autocast("cpu", torch.bfloat16):
            assert apart.update(*pairs(), step) == loss
    assert losses[0] != losses[1]
