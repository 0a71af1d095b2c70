"""The flow of the package: who may import whom, read from the source with ast."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support import python

import bigbath

PACKAGE = Path(bigbath.__file__).parent

#: Layers from the bottom; a module may import its own layer and those before it. Kernels import nothing of bigbath.
LAYERS = (
    {"kernels"},
    {"errors", "explain", "choice", "resources", "progress", "checkpoint", "ranks", "compact", "variables"},
    {"models"},
    {"conserved"},
    {"spaces"},
    {"operators"},
    {"chebyshev"},
    {"solvers"},
    {"spectral", "broadening", "diffusion", "dynamics", "statistics"},
    {"measure"},
    {"sweep"},
    {"job"},
    {"tasks"},
    {"store"},
    {"cluster"},
    {"plots", "studies"},
    {"cli"},
    {"interactive"},
)
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}

#: External package -> the only module that may import it (None: any one module).
SOLE_IMPORTERS = {
    "quspin": "operators/quspin.py",
    "petsc4py": "solvers/petsc.py",
    "slepc4py": "solvers/petsc.py",
    "mpi4py": None,
}
LONGEST = 500


def imported(source):
    """Dotted names of all modules that ``source`` imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
            if node.module == "bigbath" and not node.level:
                names |= {f"bigbath.{alias.name}" for alias in node.names}
    return names


def violations(package):
    """Every breach of the rules in a package directory, as text."""
    found, graph, importers = [], {}, {}
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        where, source = relative.as_posix(), path.read_text()
        if (lines := source.count("\n")) > LONGEST:
            found.append(f"{where} has {lines} lines, more than {LONGEST}")
        area = relative.parts[0].removesuffix(".py")
        for name in imported(source):
            top, _, rest = name.partition(".")
            if name.startswith("."):
                found.append(f"{where}: relative import {name}")
            if top in SOLE_IMPORTERS:
                importers.setdefault(top, set()).add(where)
            if top == "bigbath" and area != "__init__" and rest:
                target = rest.partition(".")[0]
                graph.setdefault(area, set())
                if target != area:
                    graph[area].add(target)
                if target not in HEIGHT:
                    continue  # a plain name of the root module, such as __version__
                if area not in HEIGHT:
                    continue
                if HEIGHT[target] > HEIGHT[area] or (area == "kernels" and target != "kernels"):
                    found.append(f"{where}: {area} may not import {target}")
        if area not in HEIGHT and area != "__init__":
            found.append(f"{where}: {area} has no place in the order of layers")
    for external, where in importers.items():
        sole = SOLE_IMPORTERS[external]
        if (sole and where != {sole}) or len(where) > 1:
            found.append(f"{external} is imported by {', '.join(sorted(where))}")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append(f"cycle: {' -> '.join(error.args[1])}")
    return found


def test_the_package_obeys():
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("path", "source", "message"),
    [
        ("models/a.py", "from bigbath.solvers import solve", "models may not import solvers"),
        ("models/a.py", "def f():\n    import bigbath.cli.main", "models may not import cli"),
        ("kernels/a.py", "from bigbath.errors import JobError", "kernels may not import errors"),
        ("store/a.py", "from bigbath import cluster", "store may not import cluster"),
        ("solvers/a.py", "import quspin.basis", "quspin is imported by"),
        ("cli/a.py", "from petsc4py import PETSc", "petsc4py is imported by"),
        ("cli/a.py", "if True:\n    from slepc4py import SLEPc", "slepc4py is imported by"),
        ("models/a.py", "from .ring import Ring", "relative import"),
        ("novel/a.py", "x = 1", "no place in the order"),
        ("models/a.py", "x = 1\n" * 501, "more than 500"),
    ],
)
def test_a_planted_violation_is_found(tmp_path, path, source, message):
    for where, text in {"__init__.py": "", "operators/quspin.py": "import quspin", path: source}.items():
        file = tmp_path / where
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    found = violations(tmp_path)
    assert len(found) == 1
    assert message in found[0]


def test_a_planted_cycle_and_a_second_mpi4py_are_found(tmp_path):
    for area, other in (("broadening", "spectral"), ("spectral", "broadening")):
        (tmp_path / area).mkdir()
        (tmp_path / area / "a.py").write_text(f"import bigbath.{other}.a\nimport mpi4py.MPI")
    found = violations(tmp_path)
    assert len(found) == 2
    assert any("cycle" in line for line in found)
    assert any("mpi4py is imported by" in line for line in found)


def test_importing_bigbath_starts_nothing_heavy():
    code = (
        "import sys, bigbath; print(sorted({'mpi4py', 'petsc4py', 'slepc4py', 'quspin', 'numba'} & set(sys.modules)))"
    )
    process = python("-c", code)
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == "[]"


def test_importing_every_public_name_starts_no_mpi():
    code = "import sys; from bigbath import *; import bigbath.cli.main; print(sorted({'mpi4py', 'petsc4py', 'slepc4py'} & set(sys.modules)))"
    process = python("-c", code)
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == "[]"


def test_every_public_name_resolves():
    for name in bigbath.__all__:
        assert getattr(bigbath, name) is not None
    assert set(bigbath.__all__) <= set(dir(bigbath))
    with pytest.raises(AttributeError, match="no_such_name"):
        bigbath.no_such_name  # noqa: B018
