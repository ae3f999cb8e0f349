"""`ModelsScene`: which models the page Models shows. In the address: ?model=portraits&other=paintings"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.engine import Engine
from app.scene import UPLOAD
from stylegan2.errors import UnknownWeights

KEYS = ("model", "other")


@dataclass(frozen=True)
class ModelsScene:
    """One model, and maybe another that it is compared with, as BASE and TRANSFER."""

    model: str
    other: str | None = None


def usual_models(models: Engine) -> ModelsScene:
    """Return what the page shows first: BASE and TRANSFER."""
    names = models.options.models
    return ModelsScene(names[0], names[1] if len(names) > 1 else None)


def to_query(shown: ModelsScene) -> dict[str, str]:
    """Return the words of an address; what a session has brought is named nowhere."""
    query = {"model": shown.model, "other": shown.other or ""}
    return {key: value for key, value in query.items() if not value.startswith(UPLOAD)}


def readers(models: Engine) -> Mapping[str, Callable[[ModelsScene, str], ModelsScene]]:
    """Return key of an address → what it changes."""

    def offered(text: str) -> str:
        if text not in models.options.models:
            known = ", ".join(models.options.models)
            raise UnknownWeights(f"found {text!r}, expected one of {known}, which are offered here")
        return text

    return {
        "model": lambda shown, text: replace(shown, model=offered(text)),
        "other": lambda shown, text: replace(shown, other=offered(text) if text else None),
    }
