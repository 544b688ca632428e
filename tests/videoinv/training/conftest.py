import zipfile
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
import torch

from videoinv.generators.mobilestylegan import MobileStyleGAN
from videoinv.training.objective import LossNetworks
from videoinv.training.recipes import find_recipe

from ..narrow import with_random_weights


@pytest.fixture(scope="session")
def generator() -> MobileStyleGAN:
    """A narrow generator of 64 pixels with random weights and a head at 32."""
    torch.manual_seed(0)
    return with_random_weights(MobileStyleGAN(channels=(16, 16, 16, 16), head_layers=(2,)), 0.3)


@pytest.fixture(scope="session")
def photo_zip(tmp_path_factory):
    """Seven smooth random pictures of 40 pixels."""
    path = tmp_path_factory.mktemp("photos") / "faces.zip"
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(7):
            small = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
            image = cv2.resize(small, (40, 40), interpolation=cv2.INTER_CUBIC)
            archive.writestr(f"a/{i}.png", cv2.imencode(".png", image)[1].tobytes())
        archive.writestr("index.tsv", "name\tlabel\n")
    return path


@pytest.fixture(scope="session")
def generator_1024() -> MobileStyleGAN:
    """A very narrow generator with all the layers of the default one, its weights random."""
    torch.manual_seed(0)
    return with_random_weights(MobileStyleGAN(channels=(16,) * 8, head_layers=(3, 5)), 0.5)


@pytest.fixture(scope="session")
def networks() -> LossNetworks:
    """The real networks of the losses."""
    return LossNetworks.of(find_recipe("feature-style"), torch.device("cpu"))


@pytest.fixture
def limited_disk():
    """A context in which no file takes more than so many bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limited(room):
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)

    return limited
