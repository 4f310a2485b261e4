"""CLIP for training: any open_clip model by name or local checkpoint, Davy's own small one, learnable prompts.

open_clip, timm and torchvision are imported when a model is loaded, not before.
"""

from davy.imaging.clip.load import load_clip
from davy.imaging.clip.prompts import LOW, NORMAL, PromptConfig, PromptPair, load_prompts
from davy.imaging.clip.tower import Clip, ImageFeatures, Preprocessing

__all__ = [
    "LOW",
    "NORMAL",
    "Clip",
    "ImageFeatures",
    "Preprocessing",
    "PromptConfig",
    "PromptPair",
    "load_clip",
    "load_prompts",
]
