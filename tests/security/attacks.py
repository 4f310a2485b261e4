"""The page docs/reference/attacks.md: attacks that were tried on a mine, Davy's answer, and the tests that show it.

A test shows an attack by the code at the beginning of its name: `test_a17_...`; those of C1 to C7 by that: `test_c1_...`.
`python tests/security/attacks.py` writes the page.
"""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "attacks.md"
CODES = re.compile(r"test_((?:[acfp]\d{1,2}_)+)")
# What has a name of its own, too.
NAMES = {"a02": "c1", "a03": "c2", "a04": "c3", "a05": "c4", "a06": "c5", "a07": "c6", "a08": "c7"}

ATTACKS = {
    "a01": ("Somebody without an identity changes something by REST, gRPC or MQTT.", "401, UNAUTHENTICATED, no connection."),
    "a02": ("One MQTT message ends the aggregator.", "Refused, counted, logged at a bounded rate."),
    "a03": ("One report makes the aggregator end at every start.", "Numbers are bounded; a bad stored record is set aside."),
    "a04": ("One configuration ends an edge at every start.", "Refused by aggregator and edge; its cameras go on."),
    "a05": ("Frames are forged, replayed, or lock the real ones out.", "A stream belongs to its edge; a new one of it wins."),
    "a06": ("A camera's address reads files of an edge.", "Only sources that the edge's own file allows are opened."),
    "a07": ("A camera's address scans a network, or sends commands into it.", "Parsed once; networks by allow-list."),
    "a08": ("A forged order burns the epochs of an edge.", "The broker lets only the aggregator order; epochs step by little."),
    "a09": ("An attacker's DNS name points at the mine.", "421: it is no name of this service."),
    "a10": ("Another site's page changes something in a person's browser.", "403, by origin with scheme and port."),
    "a11": ("Another site's page starts or deletes jobs.", "403, the same boundary in front of every service."),
    "a12": ("Another site's page opens the console's WebSocket or an event stream.", "403; without an identity 401 or 403."),
    "a13": ("Another site frames pages or embeds pictures.", "Every answer forbids framing, embedding and guessing."),
    "a14": ("A label, a reason, a model id or an event is HTML.", "Pages show it as text."),
    "a15": ("A body without end fills the memory.", "413 at 1 MB, 24 MB for pictures; the rest is read and dropped."),
    "a16": ("Heads that come slowly use up the connections.", "Head and idle have a time; connections have a bound."),
    "a17": ("One caller takes every live stream.", "503 beyond the caller's own share."),
    "a18": ("One caller takes every gRPC call.", "RESOURCE_EXHAUSTED beyond the caller's own share."),
    "a19": ("Samples of invented cameras push others out.", "Refused; the camera with most samples loses its own."),
    "a20": ("An alarm is reported under another edge's name.", "PERMISSION_DENIED; the journal has the attempt."),
    "a21": ("A flood of events washes out what happened.", "The journal is apart; an edge pushes out its own events alone."),
    "a22": ("A flood of large configurations.", "Texts, size, history and changes a minute are bounded."),
    "a23": ("Edges and cameras are invented.", "The broker refuses edges; cameras of an edge are bounded."),
    "a24": ("Statuses are hostile JSON.", "Refused; every answer about edges goes on."),
    "a25": ("A model id holds line breaks or no header text.", "The frame is refused where it enters."),
    "a26": ("A viewer takes over an edge's MQTT session.", "The broker takes the user's name as the client id."),
    "a27": ("A viewer takes raw frames by a shared subscription.", "Viewers do not read raw frames."),
    "a28": ("Small JPEGs of many pixels fill the pool's memory.", "Refused over 36 MP; the largest cameras go first."),
    "a29": ("A live camera sends pictures of many pixels.", "Not decoded over 36 MP; the neighbour is live."),
    "a30": ("A video bomb ends the enhancer at every start.", "Jobs have limits and a number of attempts."),
    "a31": ("Archives and pictures that grow, or lead out of their folder.", "The job fails before anything is unpacked."),
    "a32": ("Playlists are called recordings.", "Only formats of recordings are opened; nothing is fetched."),
    "a33": ("Model packages are altered, cut off, or signed by strangers.", "Refused with the cause."),
    "a34": ("A signed graph takes gigabytes.", "A child process with limits judges it."),
    "a35": ("SQL and paths in addresses.", "404, 422, or nothing found."),
    "a36": ("Moments and numbers beyond every clock.", "Answered; never an internal error."),
    "a37": ("JSON of any depth and shape; huge headers.", "400 or 422; nothing changes."),
    "a38": ("Odd values in a configuration.", "Applied or rejected; the other camera goes on."),
    "a39": ("YAML that grows or runs; texts that forge log lines.", "Refused with the line; controls are escaped."),
    "a40": ("A training request names files of the trainer's machine.", "422 at every depth."),
    "a41": ("A camera's certificate is its own or another's.", "Refused, unless its fingerprint is set."),
    "a42": ("Passwords are guessed, changes flooded.", "Slowed down by name and address; 429."),
    "a43": ("Secrets in answers, logs, metrics and files.", "None: a canary is searched in every output."),
}


@cache
def by_code() -> dict[str, list[tuple[str, str]]]:
    """Path and name of the tests, by each code at the beginning of their names."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (named := CODES.match(node.name)):
                for code in named[1].rstrip("_").split("_"):
                    found.setdefault(code, []).append((str(path.relative_to(ROOT)), node.name))
    return found


def shown_by(attack: str) -> list[tuple[str, str]]:
    """Path and name of the tests of an attack such as a02."""
    codes = by_code()
    return [*codes.get(attack, []), *codes.get(NAMES.get(attack, ""), [])]


def render() -> str:
    """The page."""
    lines = [
        "# Attacks",
        "",
        "Each was tried on a running mine. The tests try it again, on real sockets: it is refused or harmless, every process",
        "lives, and the neighbour's camera stays live. `python tests/security/attacks.py` writes this page.",
        "",
        "| | attack | answer | tests |",
        "| --- | --- | --- | --- |",
    ]
    for attack, (what, answer) in ATTACKS.items():
        paths = "<br>".join(f"`{path}`" for path in sorted({path for path, _ in shown_by(attack)}))
        number = f"A{int(attack[1:])}" + (f", {NAMES[attack].upper()}" if attack in NAMES else "")
        lines.append(f"| {number} | {what} | {answer} | {paths} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
