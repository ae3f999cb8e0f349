"""Every error that a user can cause, in one tree.

    BlendganError
    ├── CheckpointError            a model file that cannot be used
    │   ├── UnknownFormat          no reader knows this file
    │   ├── UnsafePickle           the file asks for something outside the allow-list
    │   ├── ShapeMismatch          tensors missing, left over or of another shape
    │   └── Truncated              the file ends before its contents do
    ├── NoFaceFound                the detector found no face in a photo
    ├── WrongGenerator             a latent used with a generator of another family
    ├── RecipeError                a blend that cannot be carried out as written
    ├── InputError                 a file, folder or number that cannot be used
    ├── Diverged                   a training run whose numbers became NaN or infinite
    ├── KernelError                CUDA kernels that could not be built, loaded or run
    ├── UnknownWeights             a name that is not in the manifest
    └── DownloadError              weights that could not be fetched or verified

A message names the thing, the value found, what was expected, and what to do next.
"""

from __future__ import annotations


class BlendganError(Exception):
    """Root of the tree: the user's input or machine is at fault, never the program."""


class CheckpointError(BlendganError):
    """A model file that cannot be used."""


class UnknownFormat(CheckpointError):
    """No reader knows this file."""


class UnsafePickle(CheckpointError):
    """The file asks for a global outside the allow-list; nothing of it was run."""


class ShapeMismatch(CheckpointError):
    """Tensors are missing, left over, or of another shape than the architecture has."""


class Truncated(CheckpointError):
    """The file ends before its contents do."""


class NoFaceFound(BlendganError):
    """The detector found no face in a photo."""


class WrongGenerator(BlendganError):
    """A latent was used with a generator of another family."""


class RecipeError(BlendganError):
    """A blend that cannot be carried out as written."""


class InputError(BlendganError):
    """A file, folder or number that cannot be used."""


class Diverged(BlendganError):
    """A training run whose numbers became NaN or infinite."""


class KernelError(BlendganError):
    """CUDA kernels that could not be built, loaded or run; the plain path needs none."""


class UnknownWeights(BlendganError):
    """A name that is not in the manifest."""


class DownloadError(BlendganError):
    """Weights that could not be fetched or verified."""
