"""Ask any open_clip model how well lit pictures are; the same setting guides training (`--set clip=...`).

    python examples/any_open_clip_model.py picture.jpg                                    # Davy's own small CLIP, no hub
    python examples/any_open_clip_model.py picture.jpg --clip ViT-B-32:/models/b32.pt      # a checkpoint on disk
    python examples/any_open_clip_model.py picture.jpg --clip ViT-B-32:laion2b_s34b_b79k   # a tag, if its weights are cached

Needs torch and open_clip: `pip install '.[trainer]'`. No hub is asked.
"""

import argparse

import numpy as np
import torch
from PIL import Image

import davy
from davy.imaging.clip import load_clip

PROMPTS = ["a well-lit photo", "a low-light photo"]
TEMPERATURE = 100.0  # as CLIP was trained with


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture")
    parser.add_argument("--clip", default="davy")
    options = parser.parse_args()
    clip = load_clip(options.clip)
    rgb = np.array(Image.open(options.picture).convert("RGB"))
    enhanced = davy.Enhancer().enhance(rgb[..., ::-1])[..., ::-1]
    batch = torch.stack([torch.from_numpy(image.copy()).permute(2, 0, 1) / 255 for image in (rgb, enhanced)])  # (2, 3, H, W)
    with torch.no_grad():
        shares = (TEMPERATURE * clip.encode_image(batch) @ clip.encode_text(PROMPTS).T).softmax(1)
    for name, (well_lit, _) in zip(("raw", "enhanced"), shares.tolist(), strict=True):
        print(f"{name}: {well_lit:.0%} {PROMPTS[0]} ({clip.name})")


if __name__ == "__main__":
    main()
