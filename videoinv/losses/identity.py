"""Whether two aligned faces are one person: the last embedding alone, or five levels of it."""

from __future__ import annotations

from torch import Tensor

from videoinv.faces.embed import ARCFACE_BOX, FaceEmbedder, inner_crop
from videoinv.faces.mobilefacenet import INPUT_SIZE
from videoinv.losses.cosine import cosine_distance, layered_distance

LEVEL_ENDS = (4, 11, 14)
"""The bottlenecks of MobileFaceNet after which its resolution or its width changes."""


class IdentityLoss(FaceEmbedder):
    """L_id = 1 − ⟨R(x̃), R(x)⟩, R being the unit embedding (pSp, ReStyle §4, HyperInverter Eq. 6).

    The papers' R is ArcFace; this one is MobileFaceNet, whose numbers are not comparable.
    """

    def target(self, images: Tensor) -> tuple[Tensor, ...]:
        """What is compared, of FFHQ-aligned crops [B, 3, S, S] in [−1, 1]; differentiable."""
        return (self.embed_crops(images),)

    def distance(self, images: Tensor, target: tuple[Tensor, ...]) -> Tensor:
        """The loss of each crop against the ``target`` of its source: [B]."""
        (embedding,) = self.target(images)
        return cosine_distance(embedding, target[0])


class MultiLayerIdentityLoss(IdentityLoss):
    """L_m_id = Σ_{i=1}^{5} (1 − ⟨R_i(x̃), R_i(x)⟩)  (E2Style §III-C; Eq. 6 of Feature-Style).

    The five levels are those at which the network changes its resolution or its width, the last
    one the embedding; the papers take the five levels of ArcFace's IR-SE50.
    """

    def target(self, images: Tensor) -> tuple[Tensor, ...]:
        """The five levels of FFHQ-aligned crops [B, 3, S, S] in [−1, 1]; differentiable."""
        network = self._network
        crops = inner_crop(images.to(self.device), ARCFACE_BOX, INPUT_SIZE)
        x = network.dw_conv(network.conv1((crops.float() * 0.5 + 0.5 - self._mean) / self._std))
        levels = [x]
        for index, bottleneck in enumerate(network.features):
            x = bottleneck(x)
            if index in LEVEL_ENDS:
                levels.append(x)
        embedding = network.bn(network.conv3(network.gdconv(network.conv2(x))))
        return (*levels, embedding)

    def distance(self, images: Tensor, target: tuple[Tensor, ...]) -> Tensor:
        """The loss of each crop against the ``target`` of its source: [B]."""
        return layered_distance(self.target(images), target)
