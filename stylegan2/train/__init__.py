"""Training and transfer learning: data, augmentation, losses, moving average, snapshots, and the loop over them."""

from stylegan2.train.config import TrainingConfig
from stylegan2.train.data import Batch, Dataset, open_dataset
from stylegan2.train.loop import Progress, train

__all__ = ["Batch", "Dataset", "Progress", "TrainingConfig", "open_dataset", "train"]
