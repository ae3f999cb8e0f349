"""The globals that training files of any network name beside those of StyleGAN2 files: all stay inert data.

Hyper-parameters of Lightning and OmegaConf, paths, dates. Nothing reads them; that they are known keeps a file readable
whose tensors are wanted. What is in no list is refused by name, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from stylegan2.checkpoints.allowlist import COMMON, Allowed
from stylegan2.checkpoints.pickle_machine import Global, Inert, call

CONFIGURATION = (  # OmegaConf's, as Hydra's trainers store it
    "omegaconf.dictconfig:DictConfig omegaconf.listconfig:ListConfig omegaconf.base:ContainerMetadata "
    "omegaconf.base:Metadata omegaconf.nodes:AnyNode omegaconf.nodes:StringNode omegaconf.nodes:IntegerNode "
    "omegaconf.nodes:FloatNode omegaconf.nodes:BooleanNode omegaconf.nodes:BytesNode omegaconf.nodes:PathNode "
    "typing:Any builtins:dict builtins:list builtins:int builtins:float builtins:str builtins:bool builtins:tuple"
)
ATTRIBUTES = (  # Lightning's dictionary of hyper-parameters, over the years
    "pytorch_lightning.utilities.parsing:AttributeDict lightning.pytorch.utilities.parsing:AttributeDict "
    "lightning_fabric.utilities.data:AttributeDict lightning.fabric.utilities.data:AttributeDict"
)
PATHS = " ".join(
    f"{module}:{name}"
    for module in ("pathlib", "pathlib._local")
    for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path")
)
MOMENTS = "datetime:datetime datetime:date datetime:timedelta datetime:timezone"
WORDS = "torch:Tensor torch.nn.parameter:Parameter torch.nn.parameter:Buffer"  # of a tensor with attributes: named only


class Kept(Inert):
    """An object of the file of which nothing is kept."""

    def absorb(self, state: object) -> None:
        """Drop the state."""


def _kept(*_: object) -> Kept:
    return Kept()


def _dictionary(*_: object) -> dict[object, object]:
    """collections.defaultdict: a plain dict, which the pickle fills afterwards."""
    return {}


def _attributes(items: object = None, *_: object) -> object:
    return items if isinstance(items, dict) else {}


def _with_attributes(rebuild: object, kind: object, arguments: object, *_: object) -> object:
    """torch._tensor._rebuild_from_type_v2: a tensor that carries attributes, which are dropped."""
    return call(rebuild, arguments)


def _parameter(data: object, *_: object) -> object:
    """torch._utils._rebuild_parameter_with_state: the tensor itself."""
    return data


def _all(build: Callable[..., object], places: str) -> Allowed:
    table = {}
    for place in places.split():
        module, _, name = place.partition(":")
        table[module, name] = Global(f"{module}.{name}", build)
    return table


NETWORKS: Allowed = {
    **_all(_kept, " ".join((CONFIGURATION, PATHS, MOMENTS, WORDS))),
    **_all(_dictionary, "collections:defaultdict collections:Counter"),
    **_all(_attributes, ATTRIBUTES),
    **_all(_with_attributes, "torch._tensor:_rebuild_from_type_v2"),
    **_all(_parameter, "torch._utils:_rebuild_parameter_with_state"),
    **COMMON,
}
