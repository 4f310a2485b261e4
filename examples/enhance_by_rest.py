"""Enhance one picture by REST, with nothing but Python's standard library.

davy demo                                                           # in another terminal
. .davy/access.env                                                  # DAVY_TOKEN: who calls
python examples/enhance_by_rest.py dark.jpg light.jpg --strength 0.7
"""

import argparse
import json
import mimetypes
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="JPEG, PNG or WebP")
    parser.add_argument("target", type=Path)
    parser.add_argument("--service", default="http://127.0.0.1:8081")
    parser.add_argument("--strength", type=float, default=1.0)
    options = parser.parse_args()
    kind = mimetypes.guess_type(options.source)[0] or "image/jpeg"
    who = {"Authorization": f"Bearer {os.environ['DAVY_TOKEN']}"} if "DAVY_TOKEN" in os.environ else {}
    request = urllib.request.Request(
        f"{options.service}/v1/enhance?strength={options.strength}",
        data=options.source.read_bytes(),
        headers={"Content-Type": kind, "Accept": mimetypes.guess_type(options.target)[0] or kind} | who,
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            options.target.write_bytes(answer.read())
    except urllib.error.HTTPError as error:  # application/problem+json: what is wrong, and what to do
        print(json.load(error)["detail"], file=sys.stderr)
        return 1
    print(f"{options.source} -> {options.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
