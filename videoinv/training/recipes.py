"""One recipe per system: the papers' settings, and a default variant for the default generator.

A recipe is the Python configuration, the command line (``flags.py``) and the documentation.
Numbers without a comment are those of the paper; where paper and published code differ, the
recipe says which one it follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal

from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.network import LightSize
from videoinv.errors import BadInputError
from videoinv.training.augment import PAPERS, Augmentation
from videoinv.training.data import Mixture
from videoinv.training.flags import by_flag
from videoinv.training.limits import check_numbers
from videoinv.training.synthetic import W_ONLY, Sampling


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms for one kind of inversion; a term of weight 0 is not computed."""

    l2: float = 0.0
    """Mean squared error."""
    l2_on: Literal["all", "synthetic"] = "all"
    """Feature-Style compares pixels only where a perfect inversion exists (§4.1)."""
    lpips: float = 0.0
    """LPIPS."""
    scales: int = 1
    """Scales of LPIPS (Feature-Style Eq. 3 has 3)."""
    identity: float = 0.0
    """Identity."""
    identity_levels: Literal["last", "five"] = "last"
    """The embedding alone, or the multi-layer form."""
    landmarks: float = 0.0
    """Landmarks and the openings of lips and lids (ours)."""
    parsing: float = 0.0
    """Multi-layer parsing; off without a parsing network."""
    feature: float = 0.0
    """Feature reconstruction (Feature-Style Eq. 4)."""
    delta: float = 0.0
    """e4e's delta norm."""
    mean: float = 0.0
    """Distance to the mean codes."""
    known: float = 0.0
    """Distance to the codes of synthetic images, where they are known."""
    latent_adversarial: float = 0.0
    """e4e's latent discriminator."""
    image_adversarial: float = 0.0
    """HyperInverter's adversarial term."""

    @property
    def are_zero(self) -> bool:
        """Whether no term has a weight."""
        return not any(getattr(self, each.name) for each in fields(self) if each.type == "float")


@dataclass(frozen=True)
class Optimisation:
    """How the weights move."""

    optimiser: Literal["ranger", "adam"] = "ranger"
    """Ranger is RAdam with Lookahead."""
    rate: float = 1e-4
    """Learning rate."""
    trunk: float = 1.0
    """Part of the rate at which a light trunk moves, which ImageNet has taught already."""
    trunk_after: int = 0
    """Step from which a light trunk learns, too. Before that only what reads it does: heads that
    still know nothing would pull it away from what it can."""
    warmup: int = 0
    """Steps over which the rate rises from zero."""
    drop_after: int = 0
    """Step after which the rate is a tenth; 0: never."""
    steps: int = 500_000
    """Steps after which training is done, if no time limit ends it before."""
    accumulate: int = 1
    """Batches per step."""
    clip: float = 0.0
    """Largest norm of the gradient; 0: not clipped."""
    average: float = 0.999
    """Decay of the moving average of the weights, which is what is exported."""
    adversary_rate: float = 2e-5
    """Learning rate of discriminators (e4e's)."""
    r1: float = 10.0
    """γ of R1."""
    r1_every: int = 16
    """Steps between R1 penalties, which are multiplied by it."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes.

    Raises:
        BadInputError: if no step can be made with a setting.
    """

    system: Literal["restyle", "feature-style", "e2style", "hyperinverter"]
    """What is trained."""
    network: Literal["light", "published"] = "published"
    """The light network for the default generator, or the paper's own."""
    size: LightSize = field(default_factory=LightSize)
    """Capacity of the light network."""
    mixture: Mixture = field(default_factory=lambda: Mixture(8, 0))
    """What a batch is made of."""
    augmentation: Augmentation = PAPERS
    sampling: Sampling = W_ONLY
    losses: LossWeights = field(default_factory=LossWeights)
    """Of the system's result."""
    codes_losses: LossWeights = field(default_factory=LossWeights)
    """Of the image that the codes alone make, where the system has more (Feature-Style)."""
    edited_losses: LossWeights = field(default_factory=LossWeights)
    """Of randomly edited synthetic images (Feature-Style)."""
    edit_strength: float = 0.0
    """Length of these edits, as a part of a random style's distance to the mean; 0: none."""
    small_side: int = 256
    """Side at which images of codes are compared; 128 costs a third."""
    full_every: int = 4
    """Steps from one comparison of them at full size to the next: the finest rows show only there.
    """
    optimisation: Optimisation = field(default_factory=Optimisation)
    regression: int = 0
    """Steps at the beginning in which codes of synthetic images are learnt and nothing else."""
    regression_batch: int = 8
    """Synthetic images per batch in these steps."""
    restyle_steps: int = 5
    """ReStyle: steps per batch."""
    restyle_before: int = 0
    """ReStyle: up to so many steps come first, without gradients. In a video every frame starts
    where many steps have ended, and an encoder that only knows its first ones may walk away there;
    a light one comes to rest by itself (``encoders/light/restyle.py``)."""
    update: Literal["batch", "step"] = "batch"
    """ReStyle: one update per batch as in the published code, or after each step (the paper)."""
    stage_steps: int = 250_000
    """E2Style: steps per stage. HyperInverter: of phase I. Feature-Style: of the codes alone."""
    first_look_steps: int = 500_000
    """Feature-Style: steps after which the first look stays as it is and later ones learn."""
    adversary_after: int = 0
    """Step after which adversarial terms set in."""
    seed: int = 0
    """Of the weights that a run begins with, of its batches, and of all that a step draws."""

    def __post_init__(self) -> None:
        check_numbers(by_flag(asdict(self)))
        mixture = self.mixture
        if not mixture.real + mixture.synthetic + mixture.relit:
            raise BadInputError(
                "a recipe's batches are empty: mixture-real, mixture-synthetic and mixture-relit "
                "are 0; at least one of them is 1 or more"
            )
        if self.system == "e2style" and not self.stage_steps:
            raise BadInputError("a recipe's stage-steps is at least 1 for e2style; got 0")
        for name in self._needed():
            if getattr(self, name).are_zero:
                flag = name.replace("_", "-")
                raise BadInputError(
                    f"all weights of a recipe's {flag} are 0: nothing would be learnt; at least "
                    f"one of them is above 0, {flag}-lpips for example"
                )

    def _needed(self) -> Iterator[str]:
        """The losses that the system looks at."""
        yield "losses"
        if self.system == "feature-style":
            yield "codes_losses"
            if self.edit_strength:
                yield "edited_losses"


_PSP_LOSSES = LossWeights(l2=1.0, lpips=0.8, identity=0.1)
_FEATURE_STYLE = LossWeights(lpips=0.2, scales=3, identity=0.1, identity_levels="five", parsing=0.1)
_LIGHT_LOSSES = LossWeights(
    l2=1.0, lpips=0.8, identity=0.25, landmarks=1.5, mean=0.002, delta=2e-5, known=0.05
)
_LIGHT_OPTIMISATION = Optimisation(
    optimiser="adam",
    rate=4e-4,
    trunk=0.25,
    trunk_after=1_000,
    warmup=50,
    clip=1.0,
    average=0.998,
    adversary_rate=1e-4,
)

RESTYLE = Recipe("restyle", losses=_PSP_LOSSES)
FEATURE_STYLE = Recipe(
    "feature-style",
    mixture=Mixture(2, 2),
    losses=replace(_FEATURE_STYLE, feature=0.01),
    codes_losses=replace(_FEATURE_STYLE, l2=1.0, l2_on="synthetic"),
    optimisation=Optimisation("adam", drop_after=100_000, steps=120_000),
    stage_steps=0,
)
E2STYLE = Recipe(
    "e2style",
    mixture=Mixture(4, 0),
    losses=LossWeights(l2=1.0, lpips=0.8, identity=0.5, identity_levels="five", parsing=1.0),
)
HYPERINVERTER = Recipe(
    "hyperinverter",
    losses=replace(_PSP_LOSSES, image_adversarial=0.005),
    optimisation=Optimisation("adam", steps=750_000, adversary_rate=1e-4),
    adversary_after=450_000,
)


def light(recipe: Recipe) -> Recipe:
    """The default variant: a light network, the default generator, two CPU cores.

    Beside the papers' terms the codes are drawn to known ones, to the mean and to W: they have to
    carry the person and still take edits. They also answer for landmarks, for what they leave of a
    face's motion to features is gone where these give way to an edit.
    """
    return replace(
        recipe,
        network="light",
        size=LightSize(head=HeadSize(person=128, expression=24)),
        mixture=Mixture(1, 1, relit=2),
        augmentation=Augmentation(),
        sampling=Sampling(moved=1.0),
        small_side=128,
        losses=_LIGHT_LOSSES,
        optimisation=_LIGHT_OPTIMISATION,
        regression=200,
    )


RECIPES: dict[tuple[str, str], Recipe] = {
    ("restyle", "paper"): RESTYLE,
    ("feature-style", "paper"): FEATURE_STYLE,
    ("e2style", "paper"): E2STYLE,
    ("hyperinverter", "paper"): HYPERINVERTER,
    ("restyle", "default"): replace(
        light(RESTYLE),
        optimisation=replace(_LIGHT_OPTIMISATION, rate=2e-4),
        regression=350,
        restyle_steps=3,
    ),
    ("feature-style", "default"): replace(
        light(FEATURE_STYLE),
        losses=LossWeights(l2=1.0, lpips=0.8, identity=0.25, feature=0.05),
        codes_losses=replace(_LIGHT_LOSSES, identity=0.5),
        edited_losses=LossWeights(l2=0.5, lpips=0.4),
        edit_strength=0.5,
        size=LightSize(head=HeadSize(person=128, expression=24), looks=4),
        stage_steps=4_000,
        first_look_steps=8_000,
    ),
    ("e2style", "default"): replace(
        light(E2STYLE),
        size=LightSize(
            head=HeadSize(channels=224, hidden=160, person=128, expression=24), levels=3
        ),
        stage_steps=20_000,
    ),
    ("hyperinverter", "default"): replace(light(HYPERINVERTER), stage_steps=10_000),
}
"""By system and variant."""


def find_recipe(system: str, variant: str = "default") -> Recipe:
    """The recipe of a system.

    Raises:
        BadInputError: if there is none of this name.
    """
    try:
        return RECIPES[system, variant]
    except KeyError:
        known = ", ".join(sorted({name for name, _ in RECIPES}))
        raise BadInputError(
            f"there is no recipe '{system}' in the variant '{variant}'; systems are {known}, "
            "variants are default and paper"
        ) from None
