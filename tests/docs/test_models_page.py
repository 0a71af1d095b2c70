"""The page of models has each of them, with its Hamiltonian and every key."""

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from bigbath.models import Model

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
MODELS = get_args(get_args(Model)[0])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_has_its_section(model: type) -> None:
    fields = {field.name: field.default for field in dataclasses.fields(model)}
    name = fields.pop("name")
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found and "$$" in found[1], name
    if name != "custom":
        assert {key for key in fields if f"`{key}`" not in found[1]} == set()
