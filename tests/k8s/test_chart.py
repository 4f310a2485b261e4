"""The chart's manifests fit Kubernetes, and Davy's programs: golden files are what `helm template` writes."""

import copy
import importlib.util
import json
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from davy.access import permissions
from davy_cli.environment import warnings_of
from davy_cli.main import load

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
VERSIONS = ("1.35", "1.36", "1.37")
OWN_SCHEMA = ("keda.sh", "monitoring.coreos.com")  # Kubernetes' schemas have none of these; infra/crds.py writes theirs
CRDS: dict[str, Any] = json.loads((Path(__file__).parent / "crds.json").read_text())["schemas"]
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
SETS = ("default", "full")
SMALL = {"analyser", "edge"}  # they serve /healthz and /metrics alone


@cache
def manifests(name: str) -> tuple[dict[str, Any], ...]:
    return tuple(found for found in yaml.safe_load_all((GOLDEN / f"{name}.yaml").read_text()) if found)


def of_kind(name: str, *kinds: str) -> list[dict[str, Any]]:
    return [each for each in manifests(name) if each["kind"] in kinds]


def pods(name: str) -> Iterator[dict[str, Any]]:
    yield from (each["spec"]["template"] for each in of_kind(name, "Deployment", "StatefulSet"))


def containers() -> Iterator[Any]:
    for name in SETS:
        for pod in pods(name):
            for container in pod["spec"]["containers"]:
                yield pytest.param(container, pod["spec"], id=f"{name}-{container['name']}")


@pytest.mark.parametrize("name", SETS)
def test_golden_files_are_what_helm_renders(name):
    spec = importlib.util.spec_from_file_location("chart", ROOT / "infra" / "chart.py")
    chart = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chart)
    if (program := chart.helm()) is None:
        pytest.skip("no helm: python infra/chart.py --fetch")
    assert chart.render(program, name) == (GOLDEN / f"{name}.yaml").read_text(), "run `make chart`"


def test_the_chart_has_the_version_of_its_images():
    chart = yaml.safe_load((ROOT / "infra" / "k8s" / "davy" / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SETS)
def test_manifests_fit_the_schemas_of_kubernetes(name, version):
    for manifest in manifests(name):
        if manifest["apiVersion"].split("/")[0] not in OWN_SCHEMA:
            kubernetes_validate.validate(manifest, version, strict=True)


def of_operators() -> list[dict[str, Any]]:
    return [each for each in manifests("full") if each["apiVersion"].split("/")[0] in OWN_SCHEMA]


def test_resources_of_operators_fit_the_schemas_of_their_definitions():
    assert {each["kind"] for each in of_operators()} == CRDS.keys()
    for manifest in of_operators():
        jsonschema.validate(manifest, CRDS[manifest["kind"]])


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("ServiceMonitor", ("spec", "endpoints", 0), {"intervall": "15s"}),
        ("ServiceMonitor", ("spec", "endpoints", 0), {"interval": "quarter"}),
        ("ServiceMonitor", ("spec", "endpoints", 0), {"scheme": "ftp"}),
        ("ServiceMonitor", ("spec", "endpoints", 0, "tlsConfig", "ca"), {"secret": {"name": "no-key"}}),
        ("PodMonitor", ("spec",), {"endpoints": []}),
        ("ScaledObject", ("spec", "triggers", 0), {"threshold": 1}),
    ],
)
def test_a_wrong_field_of_an_operator_s_resource_is_found(kind, path, wrong):
    manifest = copy.deepcopy(next(each for each in of_operators() if each["kind"] == kind))
    place: Any = manifest
    for step in path:
        place = place[step]
    place.update(wrong)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(manifest, CRDS[kind])


@pytest.mark.parametrize(("container", "pod"), list(containers()))
def test_every_command_is_one_of_the_programs(container, pod):
    program, *args = container["args"]
    context = load(program).make_context(program, list(args))  # raises what a wrong option is
    assert context.params


@pytest.mark.parametrize(("container", "pod"), list(containers()))
def test_every_variable_is_read_by_a_program(container, pod):
    names = [each["name"] for each in container["env"]]
    assert len(set(names)) == len(names)
    assert warnings_of(dict.fromkeys(names, "x")) == []


@pytest.mark.parametrize(("container", "pod"), list(containers()))
def test_every_probe_asks_a_port_and_a_path_that_are_served(container, pod):
    program = container["args"][0]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    table = {"GET /healthz"} if program in SMALL else getattr(permissions, program.upper())
    for probe in (container[name]["httpGet"] for name in PROBES):
        assert probe["port"] in ports
        assert f"GET {probe['path']}" in table
        assert probe["scheme"] == ("HTTP" if program in SMALL else "HTTPS")
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"  # a lost broker restarts nothing


@pytest.mark.parametrize(("container", "pod"), list(containers()))
def test_ports_are_those_on_which_the_program_listens(container, pod):
    program = container["args"][0]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    if program in SMALL:
        assert container["args"][container["args"].index("--metrics-port") + 1] == str(ports["metrics"])
        return
    fields = _settings_of(program).model_fields
    assert ports == {"http": fields["port"].default, "grpc": fields["grpc_port"].default}


def _settings_of(program: str) -> Any:
    module = {"aggregator": "davy_aggregator", "enhancer": "davy_enhancer", "trainer": "davy_trainer.service"}[program]
    return getattr(importlib.import_module(f"{module}.settings"), f"{program.capitalize()}Settings")


@pytest.mark.parametrize(("container", "pod"), list(containers()))
def test_containers_have_no_privileges_and_bounded_memory(container, pod):
    security, own = pod["securityContext"], container["securityContext"]
    assert security["runAsNonRoot"]
    assert security["runAsUser"] >= 10_000
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["resources"]["limits"]["memory"]
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert not container["image"].endswith(":latest")


@pytest.mark.parametrize(("container", "pod"), list(containers()))
def test_every_mount_has_its_volume(container, pod):
    volumes = {each["name"] for each in pod["volumes"]} | {"data"}  # of a claim template, where not in the pod
    assert {each["name"] for each in container["volumeMounts"]} <= volumes


@pytest.mark.parametrize("name", SETS)
def test_the_chart_writes_no_secret(name):
    assert not of_kind(name, "Secret")
    assert "password" not in (GOLDEN / f"{name}.yaml").read_text().lower()


@pytest.mark.parametrize("name", SETS)
def test_nothing_is_reachable_that_no_policy_names(name):
    policies = of_kind(name, "NetworkPolicy")
    default = next(each for each in policies if each["metadata"]["name"] == "mine-all")
    assert default["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in default["spec"]
    for pod in pods(name):
        labels = pod["metadata"]["labels"]
        assert any(_selects(each["spec"]["podSelector"], labels) for each in policies if each is not default)
    everything = [rule for policy in policies for rule in policy["spec"].get("ingress", [])]
    assert all(rule.get("from") and rule.get("ports") for rule in everything)


@pytest.mark.parametrize("name", SETS)
def test_services_and_budgets_select_pods(name):
    labels = [pod["metadata"]["labels"] for pod in pods(name)]
    selectors = [each["spec"]["selector"] for each in of_kind(name, "Service")]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in of_kind(name, "PodDisruptionBudget")]
    assert all(any(_selects({"matchLabels": selector}, each) for each in labels) for selector in selectors)


@pytest.mark.parametrize("name", SETS)
def test_a_scaled_deployment_has_no_fixed_number_of_replicas(name):
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind(name, "HorizontalPodAutoscaler", "ScaledObject")}
    assert scaled == {"mine-enhancer", "mine-analyser"}
    for each in of_kind(name, "Deployment"):
        assert ("replicas" in each["spec"]) == (each["metadata"]["name"] not in scaled)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return selector["matchLabels"].items() <= labels.items()
