"""Training: the ISP-CNN without paired references, prompts, and Davy's own CLIP."""
