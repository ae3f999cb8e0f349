"""Where a face's crop lies in its photo: squares, and the maps between them. Pure arithmetic on NumPy arrays.

Positions are (x, y) in px, continuous: pixel (column j, row i) covers [j, j + 1] x [i, i + 1], its centre is at
(j + 0.5, i + 0.5). A quad is [4, 2]: upper left, lower left, lower right, upper right corner of a square.
A map is a 3x3 matrix that acts on (x, y, 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The alignment of FFHQ (Karras et al. 2019, appendix A): the side of the square from the distances between the
# eyes and from eyes to mouth, its centre from the eyes a little toward the mouth.
SIDE_PER_EYE_DISTANCE, SIDE_PER_MOUTH_DISTANCE, CENTRE_TOWARD_MOUTH = 4.0, 3.6, 0.1


def rotate_quarter(vector: Array) -> Array:
    """Turn (x, y) by 90 degrees, from the x axis to the y axis (clockwise in the picture)."""
    return np.array([-vector[1], vector[0]])


def quad_from_points(points: NDArray[np.floating]) -> Array:
    """Return FFHQ's square [4, 2] for five points [5, 2]: eyes, nose, mouth corners, left before right.

    The square's x axis is the mean direction of the line between the eyes and of the normal to the line from eyes
    to mouth. Raises ValueError where both vanish.
    """
    left_eye, right_eye, _, left_mouth, right_mouth = np.asarray(points, dtype=np.float64)
    eyes = (left_eye + right_eye) / 2
    across, down = right_eye - left_eye, (left_mouth + right_mouth) / 2 - eyes
    axis = across - rotate_quarter(down)
    length = float(np.hypot(*axis))
    if not length > 0:
        raise ValueError(f"points {np.asarray(points).tolist()} lie on one spot; expected a face's five points")
    side = max(SIDE_PER_EYE_DISTANCE * np.hypot(*across), SIDE_PER_MOUTH_DISTANCE * np.hypot(*down))
    return square(eyes + CENTRE_TOWARD_MOUTH * down, axis * (side / length))


def square(centre: Array, edge: Array) -> Array:
    """Return the quad [4, 2] about `centre` whose upper edge is the vector `edge`, in px."""
    x, y = edge / 2, rotate_quarter(edge) / 2
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def side_px(quad: Array) -> float:
    """Length of a quad's upper edge."""
    return float(np.hypot(*(quad[3] - quad[0])))


def roll_rad(quad: Array) -> float:
    """Angle of a quad's upper edge, positive where it falls to the right (clockwise in the picture)."""
    x, y = quad[3] - quad[0]
    return float(np.arctan2(y, x))


def crop_to_photo(quad: Array, size: int) -> Array:
    """Return the map [3, 3] from a crop of size x size px onto its square in the photo."""
    matrix = np.eye(3)
    matrix[:2, 0] = (quad[3] - quad[0]) / size
    matrix[:2, 1] = (quad[1] - quad[0]) / size
    matrix[:2, 2] = quad[0]
    return matrix


def translation(x: float, y: float) -> Array:
    """Return the map that adds (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def scaling(x: float, y: float) -> Array:
    """Return the map that multiplies by (x, y)."""
    return np.diag([x, y, 1.0])


def rotation(angle_rad: float) -> Array:
    """Return the map that turns about the origin, clockwise in the picture where the angle is positive."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def apply(matrix: Array, points: NDArray[np.floating]) -> Array:
    """Map points [N, 2] by a 3x3 matrix."""
    mapped = np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]  # [N, 3]
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def inverse(matrix: Array) -> Array:
    """Return the map that undoes `matrix`."""
    return np.asarray(np.linalg.inv(matrix))


def bounds(points: NDArray[np.floating]) -> tuple[float, float, float, float]:
    """Return the upright box (x0, y0, x1, y1) about points [N, 2]."""
    (x0, y0), (x1, y1) = np.min(points, axis=0), np.max(points, axis=0)
    return float(x0), float(y0), float(x1), float(y1)
