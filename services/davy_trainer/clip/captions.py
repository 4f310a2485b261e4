"""Captions of rendered pictures: the applied light, and the label of the image tower."""

from collections.abc import Sequence

import numpy as np

from davy.imaging.clip.operators import open_clip

ADJECTIVES: dict[str, tuple[str, ...]] = {
    "normal": ("well-lit", "normally lit", "well-exposed", "evenly lit", "clear", "bright and clear"),
    "low": ("dark", "low-light", "underexposed", "very dark", "dim", "poorly lit"),
    "uneven": ("unevenly lit", "lamp-lit", "uneven"),
    "over": ("overexposed", "too bright", "washed-out", "blown-out"),
    "noisy": ("noisy", "grainy"),
}
PHRASES: dict[str, tuple[str, ...]] = {
    "normal": ("in normal light", "in good light", "with normal exposure", "with even light"),
    "low": ("in low light", "in the dark", "with too little light", "with low exposure"),
    "uneven": ("in uneven light", "with uneven light", "lit by a lamp in the dark", "with dark corners and a bright lamp"),
    "over": ("in too much light", "with too much exposure", "with clipped highlights"),
    "noisy": ("with noise", "with grain", "with noise in good light"),
}
NOUNS = ("photo", "picture", "image", "photograph")


def class_names() -> Sequence[str]:
    """Return the 1000 ImageNet class names, in the order of the trunk's classifier."""
    names: Sequence[str] = open_clip().IMAGENET_CLASSNAMES
    return names


def describe(kind: str, label: str | None, rng: np.random.Generator) -> str:
    """Return a caption of light, and of content if there is a label: "a dark photo of an espresso"."""
    noun = str(rng.choice(NOUNS))
    subject = f" of {article(label)}" if label else ""
    if rng.random() < 0.5:
        return f"{article(f'{rng.choice(ADJECTIVES[kind])} {noun}')}{subject}"
    return f"{article(noun)}{subject} {rng.choice(PHRASES[kind])}"


def describe_content(label: str, rng: np.random.Generator) -> str:
    """Return a caption of content alone."""
    return label if rng.random() < 0.25 else f"{article(str(rng.choice(NOUNS)))} of {article(label)}"


def article(words: str) -> str:
    return f"{'an' if words[0].lower() in 'aeiou' else 'a'} {words}"


def every_text() -> list[str]:
    """Return texts that together contain every token of all captions."""
    words = [word for table in (ADJECTIVES, PHRASES) for some in table.values() for word in some]
    return [*class_names(), *words, *NOUNS, "a photo of an underground mine", "light illumination exposure of the scene, ."]
