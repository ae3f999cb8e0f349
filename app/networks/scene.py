"""`NetworksScene`: two networks, the share of B, what is done to the picture first, and which part of it is shown.

    ?a=denoise-20&b=denoise-60&alpha=0.3&noise=40

The words are those of `blendgan dni`. What a session has brought, picture or network, is named nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.scene import UPLOAD
from blendgan.seeds import parse_seeds
from stylegan2.errors import InputError, UnknownWeights

KEYS = ("a", "b", "alpha", "noise", "seed", "place", "wipe")
USUAL_PLACE = (0.45, 0.2)  # where portraits have their face
SAMPLE_NOISE = 40.0  # between what the shipped denoisers were trained for, so that α is seen at once
MOST_NOISE = 75.0  # of 255: as far as the paper goes in denoising, and more


@dataclass(frozen=True)
class NetworksScene:
    """`alpha`: the share of B. `noise`: standard deviation, of 255, of what is added to the picture first, by `seed`;
    None until somebody says it; `NetworkJob.noise` goes by the picture until then.

    `place`: where the middle of the part that is shown lies, as shares of the picture's width and height. `wipe`: the
    share of the part's width that shows the picture as it came. A network is None where there is none to choose.
    """

    a: str | None = None
    b: str | None = None
    alpha: float = 0.5
    noise: float | None = None
    seed: int = 0
    place: tuple[float, float] = USUAL_PLACE
    wipe: float = 0.5


def to_query(scene: NetworksScene) -> dict[str, str]:
    """Return the words of an address: the networks, the share, noise that was said, and what else is not usual."""
    usual = NetworksScene()
    query = {"alpha": f"{scene.alpha:g}", "wipe": f"{scene.wipe:g}"}
    query |= {key: name for key, name in (("a", scene.a), ("b", scene.b)) if name and not name.startswith(UPLOAD)}
    query |= {"noise": f"{scene.noise:g}"} if scene.noise is not None else {}
    query |= {"seed": str(scene.seed)} if scene.seed != usual.seed else {}
    return query | ({"place": ",".join(f"{share:g}" for share in scene.place)} if scene.place != usual.place else {})


def readers(names: Sequence[str]) -> Mapping[str, Callable[[NetworksScene, str], NetworksScene]]:
    """Return key of an address → what it changes; `names`: of the networks that are offered to everybody."""

    def offered(text: str) -> str:
        if text not in names:
            known = ", ".join(names) or "none"
            raise UnknownWeights(
                f"found {text[:60]!r}, expected a shipped network ({known}); bring the file under Bring network files"
            )
        return text

    return {
        "a": lambda scene, text: replace(scene, a=offered(text)),
        "b": lambda scene, text: replace(scene, b=offered(text)),
        "alpha": lambda scene, text: replace(scene, alpha=_number(text, 1)),
        "noise": lambda scene, text: replace(scene, noise=_number(text, MOST_NOISE)),
        "seed": lambda scene, text: replace(scene, seed=parse_seeds(text, 1)[0]),
        "place": lambda scene, text: replace(scene, place=_place(text)),
        "wipe": lambda scene, text: replace(scene, wipe=_number(text, 1)),
    }


def _number(text: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise InputError(f"found {text[:60]!r}, expected a number between 0 and {most:g}")
    return round(number, 4)  # as the command line of a page has it


def _place(text: str) -> tuple[float, float]:
    across, comma, down = text.partition(",")
    if not comma:
        raise InputError(f"found {text[:60]!r}, expected two shares such as 0.5,0.3")
    return _number(across, 1), _number(down, 1)
