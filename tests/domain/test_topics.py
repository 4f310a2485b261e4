import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.domain.camera import CameraAddress
from davy.domain.topics import CameraTopics, EdgeTopics, NotADavyTopicError, Topic, all_cameras, shared

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=64)


@given(site=ids, edge=ids, camera=ids)
def test_every_camera_topic_is_taken_apart_into_what_it_was_made_of(site, edge, camera):
    topic = Topic.parse(EdgeTopics(site, edge).camera(camera).frame)
    assert topic == Topic(site, edge, camera, "frame")
    assert topic.camera_id == CameraAddress(site, edge, camera)


def test_an_edge_topic_has_no_camera():
    assert Topic.parse("davy/v1/demo/north/desired/model") == Topic("demo", "north", "", "desired/model")


@pytest.mark.parametrize(
    "topic", ["", "davy/v1", "davy/v2/a/b/status", "davy/v1/a/b/cam/c", "davy/v1/A/b/status", "x/v1/a/b/status"]
)
def test_a_foreign_topic_is_refused_by_name(topic):
    with pytest.raises(NotADavyTopicError):
        Topic.parse(topic)


def test_a_shared_filter_names_its_group_first():
    assert shared("enhancers", all_cameras("raw")) == "$share/enhancers/davy/v1/+/+/cam/+/raw"


def test_topics_of_one_camera_share_their_base():
    topics = CameraTopics(CameraAddress("s", "e", "c"))
    assert {topics.status, topics.frame, topics.raw, topics.meta} == {
        f"davy/v1/s/e/cam/c/{x}" for x in ("status", "frame", "raw", "meta")
    }


def test_no_other_module_spells_a_topic():
    """So that one edit changes a leaf."""
    topic = re.compile(r"davy/v1/|\bcam/|\b(desired|reported)/")
    found = [f"{path}:{node.lineno}" for path in modules() for node in strings(path) if topic.search(node.value)]
    assert found == []


def test_no_other_module_gives_a_literal_leaf_to_a_filter():
    filters = re.compile(r"""\b(all_cameras|all_edges|camera_leaf)\(f?["']|\.leaf (==|!=|in) .?["']""")
    assert [str(path) for path in modules() if filters.search(path.read_text())] == []


def modules():
    root = Path(__file__).parents[2]
    for path in sorted([*root.glob("shared/davy/**/*.py"), *root.glob("services/*/**/*.py")]):
        if "v1" not in path.parts and path.parts[-2:] != ("domain", "topics.py"):
            yield path


def strings(path):
    """Every string of a module except its docstrings."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    documented = {node.value for node in nodes if isinstance(node, ast.Expr)}
    return [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documented]
