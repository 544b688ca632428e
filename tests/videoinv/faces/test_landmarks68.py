import numpy as np
import pytest
import torch

from videoinv.errors import BadInputError, FetchError, MissingExtraError
from videoinv.faces.align import quad_from_68, quad_from_mesh
from videoinv.faces.landmarks68 import FanLandmarks, load_landmarks68
from videoinv.faces.types import Alignment


def test_an_unknown_name_offers_the_known_ones():
    with pytest.raises(BadInputError, match="dlib, fan"):
        load_landmarks68("mesh")


@pytest.mark.parametrize(("name", "module"), [("dlib", "dlib"), ("fan", "face_alignment")])
def test_a_missing_package_says_how_to_install_it(name, module, monkeypatch):
    def without(wanted):
        assert wanted == module
        raise ImportError(wanted)

    monkeypatch.setattr("videoinv.faces.landmarks68.import_module", without)
    with pytest.raises(MissingExtraError, match=rf"videoinv\[{name}\]"):
        load_landmarks68(name)


def test_fan_without_weights_says_where_they_belong(monkeypatch, tmp_path):
    alignment = pytest.importorskip("face_alignment.api")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def unreachable(url, *args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(alignment, "load_file_from_url", unreachable)
    with pytest.raises(FetchError, match=r"2DFAN4.*put it at") as caught:
        FanLandmarks()
    assert str(tmp_path) in str(caught.value)


@pytest.mark.slow
def test_the_mesh_quad_agrees_with_dlibs(detector, mesh_fitter, man, woman):
    pytest.importorskip("dlib")
    landmarks = load_landmarks68("dlib")
    for image in (*man, *woman):
        face = detector.detect(image)[0]
        reference = Alignment(quad_from_68(landmarks.fit(image, face)), 256)
        ours = Alignment(quad_from_mesh(mesh_fitter.fit(image, face)), 256)
        assert np.hypot(*(ours.center - reference.center)) < 0.02 * reference.scale
        assert ours.scale == pytest.approx(reference.scale, rel=0.08)
        assert np.degrees(abs(ours.rotation - reference.rotation)) < 4
