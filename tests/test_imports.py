"""Imports point one way: pipelines → videoinv, stabilization; those two know of no one."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_NOT_IMPORT = {
    "videoinv": {"pipelines", "stabilization"},
    "stabilization": {"pipelines", "videoinv", "torch", "cv2", "av"},
    "pipelines": {"tests", "examples"},
}


def imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", MAY_NOT_IMPORT)
def test_imports_point_one_way(package):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        wrong = MAY_NOT_IMPORT[package] & set(imported(file))
        assert not wrong, f"{file} imports {wrong}"
