"""Count the instructions that a program executes, by the log of qemu-user."""

import re
import subprocess
from collections import Counter
from pathlib import Path

VECTOR = re.compile(r"%?[xy]mm\d|\b[vqd]\d+\b")  # operands of 64 bits and more
LOG = "in_asm,exec,nochain"


def executed(words: list[str | Path]) -> Counter[str]:
    """How often each instruction, as text, was executed. words: qemu, its options, the program."""
    blocks, runs = {}, Counter()
    block: list[str] | None = None
    with subprocess.Popen([words[0], "-d", LOG, *words[1:]], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Trace "):
                runs[line.split("/")[1].lstrip("0")] += 1
            elif line.startswith("IN:"):
                block = None
            elif line.startswith("0x"):
                place, _, text = line.partition(":")
                if block is None:
                    block = blocks[place[2:].lstrip("0")] = []
                instruction = re.match(r"\s+(?:(?:[0-9a-f]{2} )+|[0-9a-f]{8} )\s*(\S.*)", text)
                block += [instruction[1]] if instruction else []  # long ones have more bytes on a second line
    assert process.returncode == 0
    counts: Counter[str] = Counter()
    for place, times in runs.items():
        for instruction in blocks.get(place, ()):
            counts[instruction] += times
    return counts


def vector_instructions(counts: Counter[str]) -> int:
    """Those with a vector register among their operands."""
    return sum(times for instruction, times in counts.items() if VECTOR.search(instruction))
