"""How a page as read lies on the page as it is in the file, however it was turned, straightened, cropped or scaled.

Each function here returns the `Transform` that takes a point of the changed picture to the same point of the picture
before the change; `after` chains them.
"""

from __future__ import annotations

from math import atan2, cos, degrees, radians, sin
from typing import Final

Transform = tuple[float, float, float, float, float, float]
"""`(a, b, c, d, e, f)` takes the point `(x, y)` to `(a*x + b*y + c, d*x + e*y + f)`; origins are top left corners."""

IDENTITY: Final[Transform] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

_DIGITS: Final = 9


def after(outer: Transform, inner: Transform) -> Transform:
    """Return the transform that does `inner` first, then `outer`."""
    a, b, c, d, e, f = outer
    p, q, r, s, t, u = inner
    return (a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f)


def scaled(across: float, down: float | None = None) -> Transform:
    """Of a picture that became `across` times as wide and `down` times as high."""
    return (1 / across, 0.0, 0.0, 0.0, 1 / (across if down is None else down), 0.0)


def moved(left: float, top: float) -> Transform:
    """Of a picture cropped to what begins at `left`, `top`."""
    return (1.0, 0.0, left, 0.0, 1.0, top)


def rotated(angle: float, before: tuple[float, float], size: tuple[float, float]) -> Transform:
    """Of a picture turned about its centre by an angle.

    Args:
        angle: in degrees clockwise, as one looks at it.
        before: its width and height.
        size: width and height of the picture it became, centred alike.
    """
    cosine, sine = round(cos(radians(angle)), 15), round(sin(radians(angle)), 15)
    turned_back = (cosine, sine, 0.0, -sine, cosine, 0.0)
    return after(moved(before[0] / 2, before[1] / 2), after(turned_back, moved(-size[0] / 2, -size[1] / 2)))


def quarter(transform: Transform) -> int:
    """Return by how many degrees clockwise a picture was turned, to the nearest of 0, 90, 180 and 270."""
    return round(degrees(atan2(transform[1], transform[0])) / 90) * 90 % 360


def stored(transform: Transform) -> Transform | None:
    """Return it rounded, as it is stored, or None if it leaves every point where it is."""
    a, b, c, d, e, f = (round(value, _DIGITS) + 0.0 for value in transform)
    return None if (a, b, c, d, e, f) == IDENTITY else (a, b, c, d, e, f)
