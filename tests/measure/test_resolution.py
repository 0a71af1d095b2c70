"""Statistics of levels refuse unresolved spectra before the work, or keep what was found beside the numbers."""

import numpy as np
import pytest
import scipy.sparse as sp
from support import bigbath

import bigbath.cluster.realize as realize_module
from bigbath.broadening import system_states
from bigbath.cluster.realize import realize
from bigbath.conserved import unresolved
from bigbath.errors import UnresolvedSpectrum
from bigbath.job import parse_job
from bigbath.measure import Context, Measures, caveats
from bigbath.measure.gap_ratio import MeasureGapRatio
from bigbath.models import MatrixComposite
from bigbath.operators import build
from bigbath.progress import silent
from bigbath.solvers import Whole, solve

PAIRS = [[0.25, j, j + 1] for j in range(1, 7)]
HEISENBERG = {
    "name": "custom",
    "L": 8,
    "system": [],
    "bath": [["xx", PAIRS], ["yy", PAIRS], ["zz", PAIRS]],
    "interaction": [[a, [[0.25, 0, 1]]] for a in ("xx", "yy", "zz")],
    "disorder": [["z", "system", -0.25, 0.25], ["z", "bath", -0.25, 0.25]],
}
RING = {
    "name": "custom",
    "L": 9,
    "system": [["x", [[1.05, 0]]], ["z", [[0.5, 0]]]],
    "bath": [
        ["zz", [[-1.0, j, j + 1] for j in range(1, 8)]],
        ["x", [[1.05, j] for j in range(1, 9)]],
        ["z", [[0.5, j] for j in range(1, 9)]],
    ],
    "interaction": [["zz", [[-1.0, 0, 1], [-1.0, 8, 0]]]],
    "symmetries": [{"name": "momentum", "permutation": [1, 2, 3, 4, 5, 6, 7, 8, 0]}],
}
MIRROR = {"name": "mirror", "permutation": [0, 8, 7, 6, 5, 4, 3, 2, 1]}


def job(model, spectrum=None, **section):
    return parse_job(
        {"model": model, "spectrum": {"window": "whole", **(spectrum or {})}, "measure": {"gap_ratio": section}}
    )


def test_a_sector_of_the_magnetisation_has_its_own_number():
    """The random-field Heisenberg chain: mixed it looks localised, at zero magnetisation it is chaotic."""
    clean = {**HEISENBERG, "disorder": [["z", "system", -0.5, 0.5], ["z", "bath", -0.5, 0.5]]}
    mixed, sector = [], []
    for r in range(20):
        mixed.append(float(realize(job(clean, spectrum={"symmetries": []}, accept_unresolved=True), r).gap_ratio[0]))
        ds = realize(job(clean, spectrum={"sector": {"magnetisation": 0}}), r)
        assert list(ds.gap_ratio_unresolved.values) == ["resolved"]
        sector.append(float(ds.gap_ratio[0]))
    assert np.mean(mixed) < 0.43 < 0.48 < np.mean(sector)
    every = realize(job(clean), 0)
    assert every.sizes["sector"] == 9
    assert set(every.gap_ratio_unresolved.values) == {"resolved"}


def test_what_a_sector_of_a_clean_chain_leaves():
    chain = {"name": "xxz", "L": 8}
    with pytest.raises(UnresolvedSpectrum, match="total spin"):
        realize(job(chain), 0)
    anisotropic = {**chain, "Delta": 0.6, "J2": 0.7}
    assert set(realize(job(anisotropic), 0).gap_ratio_unresolved.values) == {"resolved"}
    with pytest.raises(UnresolvedSpectrum, match="flip of all spins"):
        realize(job(anisotropic, spectrum={"symmetries": ["magnetisation", "reflection", "momentum"]}), 0)
    some = {"symmetries": ["magnetisation", "reflection", "momentum"], "sector": {"magnetisation": 2}}
    assert set(realize(job(anisotropic, spectrum=some), 0).gap_ratio_unresolved.values) == {"resolved"}
    with pytest.raises(UnresolvedSpectrum, match="free fermions"):
        realize(job({**chain, "Delta": 0.0}), 0)


def test_refused_before_any_matrix_is_built(monkeypatch):
    monkeypatch.setattr(realize_module, "build", None)
    with pytest.raises(UnresolvedSpectrum, match="conserves the total sigma"):
        realize(job(HEISENBERG, spectrum={"symmetries": []}), 0)
    with pytest.raises(UnresolvedSpectrum, match=r"\+k and -k"):
        realize(job(RING), 0)


def test_accepted_with_the_finding_beside_the_number():
    ds = realize(job(HEISENBERG, spectrum={"symmetries": []}, accept_unresolved=True), 0)
    assert "conserved magnetisation" in str(ds.gap_ratio_unresolved.values[0])
    assert any("NOT RESOLVED" in line for line in caveats(ds))
    ds = realize(job(RING, accept_unresolved=True), 0)
    merged = np.array(["momentum pairs" in str(t) for t in ds.gap_ratio_unresolved.values])
    assert list(merged) == ["momentum| 0" not in str(label) for label in ds.sector_label.values]
    assert np.all(ds.gap_ratio.values[merged] < 1e-9)


def test_declared_symmetries_resolve():
    ds = realize(job({**RING, "symmetries": [*RING["symmetries"], MIRROR]}), 0)
    assert set(ds.gap_ratio_unresolved.values) == {"resolved"}
    assert ds.gap_ratio.mean() > 0.45


@pytest.mark.parametrize("model", [{"name": "ring", "N": 8}, {"name": "imbrie", "L": 7}, {"name": "tfim", "L": 7},
                                   {"name": "levy", "L": 6}])  # fmt: skip
def test_models_of_the_papers_are_resolved(model):
    ds = realize(job(model), 0)
    assert set(ds.gap_ratio_unresolved.values) == {"resolved"}


def test_degenerate_levels_without_strings_are_noticed():
    """A matrix of which nothing but its levels is known."""
    levels = np.repeat(np.random.default_rng(1).normal(size=8), 2)
    composite = MatrixComposite(
        system=np.diag([0.3, -0.3]),
        bath=sp.diags_array(levels, format="csr"),
        interaction=((np.eye(2), sp.csr_array((16, 16))),),
    )
    context = Context(
        composite=composite, states=solve(build(composite), Whole()), bath=None, system=system_states(composite),
        accept_unverified=False, report=silent,
    )  # fmt: skip
    with pytest.raises(UnresolvedSpectrum, match="16 of 31 level spacings are zero"):
        MeasureGapRatio().measure(context)
    ds = Measures(gap_ratio=MeasureGapRatio(accept_unresolved=True)).run(context)
    assert "degenerate levels" in str(ds.gap_ratio_unresolved.values[0])


def test_the_command_line_refuses_a_whole_ensemble(tmp_path):
    import json

    file = tmp_path / "job.toml"
    lines = [
        "[model]",
        *(f"{k} = {json.dumps(v)}" for k, v in HEISENBERG.items()),
        "[spectrum]",
        'window = "whole"',
        "symmetries = []",
    ]
    file.write_text("\n".join([*lines, "[measure.gap_ratio]", "[ensemble]", "realizations = 20"]))
    process = bigbath("run", file, "-o", tmp_path / "out.h5")
    assert process.returncode == 6
    assert "conserves the total sigma^z" in process.stderr + process.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job.toml"]


STATISTICS = {"gap_ratio": {}, "spacings": {}, "number_variance": {"lengths": [1.0]}}
TWISTED = {"name": "xxz", "L": 6, "W": 1.0, "phi": 0.7}


@pytest.mark.parametrize(
    ("model", "spectrum", "sectors"),
    [
        (HEISENBERG, {"sector": {"magnetisation": 0}}, 1),
        (HEISENBERG, {}, 2),  # magnetisation 0, where a flip could be a symmetry, and all others
        ({"name": "ring", "N": 8}, {}, None),
        (TWISTED, {"sector": {"magnetisation": 0}}, 1),
    ],
    ids=["one sector", "all sectors", "ring", "complex"],
)
def test_equal_sectors_are_judged_once_a_realization(monkeypatch, model, spectrum, sectors):
    """Whatever measurements ask, before the work and after it; and as each of them alone says."""
    asked = []

    def counted(terms, sites, **given):
        key = given["used"], tuple(given["labels"].get(s.name) for s in given["used"]), given["charges"]
        asked.append(key)
        return unresolved(terms, sites, **given)

    chosen = {"model": model, "spectrum": {"window": "whole", **spectrum}}
    alone = {name: realize(parse_job({**chosen, "measure": {name: each}}), 0) for name, each in STATISTICS.items()}
    monkeypatch.setattr("bigbath.measure.resolution.unresolved", counted)
    together = realize(parse_job({**chosen, "measure": STATISTICS}), 0)
    assert len(asked) == len(set(asked)) and sectors in (None, len(asked))
    for name, found in alone.items():
        for variable in (f"{name}_unresolved", "random_matrices"):
            assert list(together[variable].values) == list(found[variable].values)
