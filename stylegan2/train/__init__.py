"""Training and transfer learning: data, augmentation, losses, moving average, snapshots, and the loop over them."""

from stylegan2.train.config import TrainingConfig
from stylegan2.train.data import Dataset, FolderDataset
from stylegan2.train.loop import Progress, train

__all__ = ["Dataset", "FolderDataset", "Progress", "TrainingConfig", "train"]
