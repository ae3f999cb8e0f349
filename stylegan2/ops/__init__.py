"""The three operations of StyleGAN2 that PyTorch does not have, as dispatcher ops `torch.ops.blendgan.*`.

`reference.py` defines what each computes; `upfirdn2d.py`, `bias_act.py` and `modulated_conv2d.py` register it with
fixed schemas, shape checks and first and second derivatives. Kernels for a device are registered beside it, and
are never required.
"""

from stylegan2.ops.bias_act import bias_act
from stylegan2.ops.modulated_conv2d import modulated_conv2d
from stylegan2.ops.styled_conv2d import styled_conv2d
from stylegan2.ops.upfirdn2d import downsample2d, filter2d, setup_filter, upfirdn2d, upsample2d

__all__ = [
    "bias_act",
    "downsample2d",
    "filter2d",
    "modulated_conv2d",
    "setup_filter",
    "styled_conv2d",
    "upfirdn2d",
    "upsample2d",
]
