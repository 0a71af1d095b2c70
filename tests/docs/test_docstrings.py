"""Every public name says what it is and has an example, which runs and prints what it says."""

import doctest
import inspect

import pytest

import bigbath as bb


def docstring(name: str) -> str:
    return inspect.getdoc(getattr(bb, name)) or ""


@pytest.mark.parametrize("name", bb.__all__)
def test_a_public_name_has_an_example_that_runs(name, tmp_path, monkeypatch, capsys):
    text = docstring(name)
    assert len(text.splitlines()[0]) > 20, f"bb.{name} has no docstring"
    assert ">>>" in text, f"bb.{name} has no example"
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert any("import bigbath as bb" in example.source for example in test.examples)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)
