"""The README as a package index shows it: links into the tree become addresses, or plain words while there is no public one."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
HOME = tomllib.loads((HERE / "pyproject.toml").read_text())["project"].get("urls", {}).get("Repository")


def absolute(found: re.Match) -> str:
    """One link or image whose target lies in the tree."""
    image, words, target = found[1], found[2], found[3]
    if HOME:
        return f"{image}[{words}]({HOME}/{'raw' if image else 'blob'}/main/{target})"
    return f"*{words}*" if image else words


readme = re.sub(r"(!?)\[([^\]]+)\]\((?!https?:|#)([^)]+)\)", absolute, (HERE / "README.md").read_text())
setup(long_description=readme, long_description_content_type="text/markdown")
