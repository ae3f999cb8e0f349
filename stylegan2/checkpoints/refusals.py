"""What is said of a name that a pickle asks for and that is in no list: what kind of thing it is, and what to do."""

from __future__ import annotations

from fnmatch import fnmatchcase

KINDS = (  # pattern of the name, what it stands for, what to save instead
    ("torch._utils._rebuild_sparse*tensor", "sparse tensors", "tensor.to_dense()"),
    ("torch.*Complex*Storage", "complex numbers", "torch.view_as_real(tensor)"),
    ("torch._utils._rebuild_tensor_v3", "numbers of a new format, such as 8-bit floats", "tensor.float()"),
    ("torch.*loat8_*", "8-bit floats", "tensor.float()"),
    ("torch._utils._rebuild_qtensor", "quantised numbers", "tensor.dequantize()"),
    ("__torch__.*", "programs (TorchScript)", "model.state_dict()"),
)
GENERAL = "Expected networks and tensors only: get the file from its author, or convert it where you trust it"
PERHAPS_MODULE = "; perhaps it is a whole pickled module: have model.state_dict() saved instead"


def refusal(name: str) -> str:
    """Return the words for the name of a global, `module.name`."""
    for pattern, kind, instead in KINDS:
        if fnmatchcase(name, pattern):
            return (
                f"asks for {name}: {kind} are not read; nothing of it was run. Save {instead} where you trust the file"
            )
    return f"asks for {name}, which no model file needs; nothing of it was run. {GENERAL}" + (
        PERHAPS_MODULE if _may_be_class(name) else ""
    )


def _may_be_class(name: str) -> bool:
    return name.startswith("__main__.") or name.rpartition(".")[2][:1].isupper()
