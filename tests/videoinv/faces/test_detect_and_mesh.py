import cv2
import numpy as np
import pytest

from videoinv.errors import BadInputError
from videoinv.faces.align import EYES_MESH, MOUTH_MESH, quad_from_mesh
from videoinv.faces.mesh import INPUT_SIZE
from videoinv.faces.types import Alignment


def only(faces):
    assert len(faces) == 1
    return faces[0]


def inside(box, points):
    return (points >= box[:2]).all() and (points <= box[2:]).all()


def test_one_face_with_its_points_inside_the_box(detector, man):
    face = only(detector.detect(man[0]))
    assert face.score > 0.8
    assert inside(face.box, face.landmarks)
    eye, other_eye, nose, mouth, other_mouth = face.landmarks
    assert eye[0] < nose[0] < other_eye[0]
    assert mouth[0] < other_mouth[0]
    assert max(eye[1], other_eye[1]) < nose[1] < min(mouth[1], other_mouth[1])


def test_the_largest_of_two_faces_comes_first(detector, man, woman):
    small = cv2.resize(man[0], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    image = woman[1].copy()
    image[: small.shape[0], : small.shape[1]] = small
    faces = detector.detect(image)
    assert len(faces) == 2
    widths = [face.box[2] - face.box[0] for face in faces]
    assert widths[0] > 1.5 * widths[1]


def test_frame_size_does_not_move_the_face(detector, man):
    face = only(detector.detect(man[0]))
    large = cv2.resize(man[0], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    points = (only(detector.detect(large)).landmarks + 0.5) / 3 - 0.5
    assert np.abs(points - face.landmarks).max() < 2


def test_a_small_face_in_a_large_frame_is_found(detector, man):
    small = cv2.resize(man[0], (160, 90), interpolation=cv2.INTER_AREA)
    image = np.full((1440, 2560, 3), 128, dtype=np.uint8)
    image[700:790, 1200:1360] = small
    face = only(detector.detect(image))
    assert inside(np.array([1200, 700, 1360, 790]), face.landmarks)


def test_no_face_is_no_error(detector, noise):
    assert detector.detect(noise) == []


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)],
    ids=["grey", "float", "empty"],
)
def test_what_is_no_image_is_refused(detector, image):
    with pytest.raises(BadInputError, match="uint8"):
        detector.detect(image)


def fit(detector, mesh_fitter, image):
    face = only(detector.detect(image))
    mesh = mesh_fitter.fit(image, face)
    assert mesh is not None
    return face, mesh


def test_the_mesh_lies_on_the_detected_face(detector, mesh_fitter, man, woman):
    for image in (*man, *woman):
        face, mesh = fit(detector, mesh_fitter, image)
        assert mesh.shape == (468, 3)
        eyes = [mesh[list(eye), :2].mean(axis=0) for eye in EYES_MESH]
        points = np.stack([*eyes, *mesh[list(MOUTH_MESH), :2]])
        apart = np.linalg.norm(eyes[1] - eyes[0])
        errors = np.linalg.norm(points - face.landmarks[[0, 1, 3, 4]], axis=1)
        assert errors.max() < 0.2 * apart


def test_the_mesh_of_a_mirrored_face_is_the_mirrored_mesh(detector, mesh_fitter, man):
    _, mesh = fit(detector, mesh_fitter, man[0])
    _, mirrored = fit(detector, mesh_fitter, man[0][:, ::-1].copy())
    quad = quad_from_mesh(mesh)
    mirrored_quad = quad_from_mesh(mirrored)[[3, 2, 1, 0]]
    mirrored_quad[:, 0] = man[0].shape[1] - 1 - mirrored_quad[:, 0]
    difference = mirrored_quad.mean(axis=0) - quad.mean(axis=0)
    assert np.abs(difference).max() < 0.01 * Alignment(quad, 1).scale


def test_the_mesh_follows_a_moved_picture(detector, mesh_fitter, man):
    _, mesh = fit(detector, mesh_fitter, man[0])
    moved = np.roll(man[0], (12, -20), axis=(0, 1))
    tracked = mesh_fitter.track(moved, mesh)
    assert tracked is not None
    assert np.abs(tracked[:, :2] - [-20, 12] - mesh[:, :2]).mean() < 1.0


def test_where_there_is_no_face_there_is_no_mesh(mesh_fitter, noise):
    region = Alignment.from_parameters(np.array([128.0, 128.0]), 200, 0.0, INPUT_SIZE)
    assert mesh_fitter.fit_regions([noise], [region]) == [None]
    assert mesh_fitter.fit_regions([], []) == []
