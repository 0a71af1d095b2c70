"""``[measure.dynamics]`` against full diagonalisation: every kind of initial state, every observable, in sectors."""

import re

import numpy as np
import pytest
import scipy.stats
from support import dense

import bigbath as bb
from bigbath.broadening import system_states
from bigbath.cli.showing import as_text
from bigbath.cluster.estimate import estimate
from bigbath.cluster.realize import realize
from bigbath.cluster.run import run
from bigbath.dynamics import Propagator
from bigbath.dynamics.observe import ObservationalEntropy
from bigbath.dynamics.smeared import SmearedEntropy
from bigbath.dynamics.steady import steady_state
from bigbath.errors import JobError
from bigbath.job import load_job, parse_job
from bigbath.measure import Context
from bigbath.measure.resolution import Resolution
from bigbath.models import XXZ, Imbrie, MatrixComposite, Ring, draw
from bigbath.operators import build
from bigbath.plots import plot_result
from bigbath.plots.means import means
from bigbath.solvers import NoStates, Whole, solve
from bigbath.spaces import everything, sectors
from bigbath.store import open_result

TIMES = [0.0, 0.7, 3.0, 11.0]
INITIAL = {
    "neel": "neel",
    "configuration": {"kind": "configuration", "spins": "uududd"},
    "product": {"kind": "product", "angles": [[1.1, 0.4]]},
    "real product": {"kind": "product", "angles": [[1.1, 0.0]]},
    "random": {"kind": "random", "seed": 3},
    "thermal": {"kind": "thermal", "beta": 0.4},
    "bath state": {"kind": "bath_state", "energy": 0.3, "branch": 2},
    "bath shell": {"kind": "bath_shell", "energy": 0.3, "branch": 2, "width": 0.4},
}
MODELS = {
    "ring": ({"name": "ring", "N": 6}, {}),
    "flux": ({"name": "xxz", "L": 6, "W": 1.0, "phi": 0.5}, {}),
    "charge": ({"name": "xxz", "L": 6, "W": 1.0}, {"sector": {"magnetisation": 0}}),
}


def job(model, initial, **more):
    model, spectrum = MODELS[model]
    data = {
        "model": model,
        "spectrum": {"window": "none", **spectrum},
        "measure": {"dynamics": {"initial": INITIAL[initial], "times": TIMES, **more}},
    }
    if initial == "bath state" or "observational_entropy" in more.get("observe", ()):
        data["bath"] = {"window": "whole"}
    return parse_job(data)


def evolved(H, start, times):
    E, V = np.linalg.eigh(H)
    return [V @ (np.exp(-1j * E * t) * (V.conj().T @ start)) for t in times]


@pytest.mark.parametrize(
    ("model", "initial"), [(m, i) for m in MODELS for i in INITIAL if (m, i) != ("charge", "bath shell")]
)
def test_every_initial_state(model, initial):
    """rho_S(t), energy and survival from the state at t = 0, which is evolved here by LAPACK."""
    chosen = job(model, initial, observe=["density_matrix", "populations", "survival", "energy"])
    found = realize(chosen, 0)
    composite = draw(chosen.model, seed=1, realization=0)
    h, system = build(composite), system_states(composite)
    options = chosen.measure.dynamics
    sector = options.sector_in(h, None, chosen.spectrum.sector)
    H = dense(h.restricted(sector))
    bath = solve(build(composite, "B"), Whole()) if initial == "bath state" else None
    context = Context(
        composite=composite, states=solve(h, NoStates()), bath=bath, system=system,
        accept_unverified=False, report=lambda *n: None,
    )  # fmt: skip
    start = options.initial.state(context, sector, Propagator.of(h, sector))
    assert abs(np.linalg.norm(start) - 1) < 1e-12
    for k, psi in enumerate(evolved(H, start, TIMES)):
        matrix = sector.lift(psi).reshape(h.dims)
        rho = system.vectors.conj().T @ matrix @ matrix.conj().T @ system.vectors
        assert np.abs(found.rho_S.values[k] - rho).max() < 1e-10
        assert np.abs(found.population.values[k] - np.diag(rho).real).max() < 1e-10
        assert abs(found.survival.values[k] - abs(np.vdot(start, psi)) ** 2) < 1e-10
        assert abs(found.energy_t.values[k] - np.vdot(start, H @ start).real) < 1e-11 * np.linalg.norm(H, 2)
    assert "evidence_spectrum" not in found.attrs and found.state_error.values.max() < 1e-10


def test_a_bath_eigenstate_keeps_its_charge():
    """Either it is in the sector, or it is refused by name."""
    for sector in ({"magnetisation": 0}, {"magnetisation": 4}, {"magnetisation": -6}):
        data = {
            "model": {"name": "xxz", "L": 6, "W": 1.0},
            "spectrum": {"window": "none", "sector": sector},
            "bath": {"window": "whole"},
            "measure": {"dynamics": {"initial": {"kind": "bath_state", "energy": 50.0}, "times": [1.0]}},
        }
        assert realize(parse_job(data), 0).population.values.sum() == pytest.approx(1)
    data["spectrum"]["sector"] = {"magnetisation": 6}
    with pytest.raises(JobError, match="not within the sector"):  # level 1 is the one with spin down
        realize(parse_job(data), 0)


def test_a_typical_state_of_a_bath_shell():
    """The system is in its level, the bath's energies are distributed as the filter says; sectors are refused."""
    chosen = job("ring", "bath shell", observe=["populations"])
    composite = draw(chosen.model, seed=1, realization=0)
    h, system, below = build(composite), system_states(composite), build(composite, "B")
    context = Context(
        composite=composite, states=solve(h, NoStates()), bath=None, system=system,
        accept_unverified=False, report=lambda *n: None,
    )  # fmt: skip
    psi = chosen.measure.dynamics.initial.state(context, everything(h.dim), Propagator.of(h))
    E, V = np.linalg.eigh(dense(below.matrix))
    amplitudes = V.T @ (system.vectors.conj().T @ psi.reshape(h.dims)).T
    assert np.abs(amplitudes[:, 0]).max() < 1e-12
    random = V.T @ np.random.default_rng(1).standard_normal(E.size)
    expected = np.exp(-(((E - 0.3) / 0.8) ** 2)) * random
    assert np.abs(amplitudes[:, 1] - expected / np.linalg.norm(expected)).max() < 1e-11
    with pytest.raises(JobError, match="not within the sector"):
        realize(job("charge", "bath shell"), 0)
    far = {"kind": "bath_shell", "energy": 1e4, "width": 1.0}
    data = {"model": {"name": "ring", "N": 5}, "spectrum": {"window": "none"}}
    with pytest.raises(JobError, match="outside the spectrum"):
        realize(parse_job(data | {"measure": {"dynamics": {"initial": far, "times": [1.0]}}}), 0)


def test_local_observables_and_entanglement_in_sigma():
    chosen = job("charge", "neel", observe=["sigma_x", "sigma_z", "imbalance", "entanglement"], cut=[0, 1, 2])
    found = realize(chosen, 0)
    h = build(draw(chosen.model, seed=1, realization=0))
    (sector,) = sectors(h, only={"magnetisation": 0})
    start = np.zeros(sector.dim)
    start[list(sector.space.states()).index(0b010101)] = 1
    signs = 1 - 2.0 * (sector.space.states()[:, None] >> np.arange(5, -1, -1) & 1)
    for k, psi in enumerate(evolved(dense(h.restricted(sector)), start, TIMES)):
        z = np.abs(psi) ** 2 @ signs
        assert np.abs(found.sigma_z_t.values[k] - z).max() < 1e-11
        assert np.abs(found.sigma_x_t.values[k]).max() < 1e-12
        assert abs(found.imbalance_t.values[k] - np.mean(z * np.tile([1, -1], 3))) < 1e-11
        w = np.linalg.svd(sector.lift(psi).reshape(8, 8), compute_uv=False) ** 2
        assert abs(found.entanglement_t.values[k] - scipy.stats.entropy(w[w > 1e-15])) < 1e-10


def test_the_entropy_goes_to_that_of_the_steady_state():
    """Probabilities averaged over long times against the dephased state, with exact degeneracies (the ring)."""
    composite = draw(Ring(N=7), seed=1, realization=0)
    h, system = build(composite), system_states(composite)
    bath, states = solve(build(composite, "B"), Whole()), solve(h, Whole())
    sector = everything(h.dim)
    observed = ObservationalEntropy.of(sector, h.dims, system, bath, 1.0)
    psi = np.random.default_rng(0).standard_normal(h.dim)
    psi /= np.linalg.norm(psi)
    E, V = np.linalg.eigh(dense(h.matrix))
    p, c = np.zeros_like(observed.volumes), V.T @ psi
    for level in np.split(np.arange(E.size), np.flatnonzero(np.diff(E) > 1e-9) + 1):
        p += observed.probabilities(V[:, level] @ c[level])
    expected = -np.sum(p[p > 0] * np.log(p[p > 0] / observed.volumes[p > 0]))
    steady = steady_state(observed, states, sector, psi)
    assert abs(steady.entropy - expected) < 1e-9
    assert np.abs(steady.probabilities - p).max() < 1e-10
    weights = [c[level] @ c[level] for level in np.split(np.arange(E.size), np.flatnonzero(np.diff(E) > 1e-9) + 1)]
    assert abs(steady.renyi2 + np.log(np.sum(np.square(weights)))) < 1e-9
    times = np.random.default_rng(1).uniform(1e3, 1e6, 300)
    late = np.mean([observed.probabilities(later) for later in evolved(dense(h.matrix), psi, times)], axis=0)
    assert np.abs(late - p).max() < 0.02


@pytest.mark.parametrize(("model", "only"), [(Imbrie(L=6), None), (XXZ(L=8, W=1.0), {"magnetisation": 0})])
def test_smeared_shells(model, only):
    """Against f_s of the bath's exact levels; volumes within their errors."""
    composite = draw(model, seed=2, realization=0)
    h, system = build(composite), system_states(composite)
    sector = everything(h.dim) if only is None else sectors(h, only=only)[0]
    width, sigma = 1.0, 0.3
    smeared = SmearedEntropy.of(build(composite, "B"), sector, h.dims, system, width=width, smearing=sigma, vectors=40)
    E, V = np.linalg.eigh(dense(build(composite, "B").matrix))
    steps = scipy.stats.norm.cdf((E[:, None] - smeared.edges) / sigma)
    f = steps[:, :-1] - steps[:, 1:]
    f[:, 0], f[:, -1] = 1 - steps[:, 1], steps[:, -2]
    basis = sector.lift(np.eye(sector.dim))
    psi = np.random.default_rng(0).standard_normal(sector.dim) * (1 + 0.5j)
    psi /= np.linalg.norm(psi)
    p, volumes = [], []
    for phi in system.vectors.T:
        parts = V.conj().T @ np.tensordot(phi.conj(), basis.reshape((*h.dims, sector.dim)), axes=(0, 0))
        p.append(np.abs(parts @ psi) ** 2 @ f)
        volumes.append(np.sum(np.abs(parts) ** 2, axis=1) @ f)
    assert np.abs(smeared.probabilities(psi) - p).max() < 1e-10
    assert smeared.probabilities(psi).sum() == pytest.approx(1, abs=1e-10)
    spread = smeared.samples.std(axis=0, ddof=1) / np.sqrt(40)
    assert np.all(np.abs(smeared.volumes - volumes) < 5 * spread + 1e-9)
    value, error = smeared.entropy(smeared.probabilities(psi))
    p, volumes = np.ravel(p), np.ravel(volumes)
    exact = np.sum(p[p > 1e-14] * np.log(volumes[p > 1e-14] / p[p > 1e-14]))
    assert abs(value - exact) < 5 * error + 2e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"measure": {"gap_ratio": {}, "dynamics": {"times": [1.0]}}}, "measure.gap_ratio is made of eigenstates"),
        ({"bath": {"window": "none"}}, "leave the section"),
        ({"measure": {"dynamics": {"times": [2.0, 1.0]}}}, "ascending"),
        ({"measure": {"dynamics": {"times": {"start": 0, "stop": 2, "count": 5, "spacing": "log"}}}}, "start > 0"),
        ({"measure": {"dynamics": {"times": [1.0], "observe": ["magic"]}}}, "observe"),
        ({"measure": {"dynamics": {"times": [1.0], "initial": "nell"}}}, "initial"),
        *(
            (
                {"measure": {"dynamics": {"times": [1.0], "autocorrelation": {"letters": a, "sites": sites}}}},
                r"autocorrelation.*letter",
            )
            for a, sites in [("q", [0]), ("z", [0, 1]), ("", []), ("+-", [0, 1])]
        ),
    ],
)
def test_mistakes_in_words(change, words):
    data = {
        "model": {"name": "ring", "N": 5},
        "spectrum": {"window": "none"},
        "measure": {"dynamics": {"times": [1.0]}},
    }
    with pytest.raises(JobError, match=words):
        parse_job(data | change)


def test_mistakes_found_with_the_model():
    clean = {
        "model": {"name": "xxz", "L": 6},
        "spectrum": {"window": "none", "sector": {"magnetisation": 0}},
        "measure": {"dynamics": {"times": [1.0]}},
    }
    with pytest.raises(JobError, match="a state lives in one"):
        realize(parse_job(clean), 0)
    entropy = clean | {"measure": {"dynamics": {"times": [1.0], "observe": ["observational_entropy"]}}}
    entropy["spectrum"] = {"window": "none"}
    with pytest.raises(JobError, match="smearing"):
        realize(parse_job(entropy), 0)
    for letters, sites in [("x", [0]), ("z", [6]), ("zz", [1, 1])]:
        string = {"times": [1.0], "autocorrelation": {"letters": letters, "sites": sites}}
        data = clean | {"model": {"name": "xxz", "L": 6, "W": 1.0}, "measure": {"dynamics": string}}
        with pytest.raises(JobError, match=r"measure\.dynamics\.autocorrelation"):
            realize(parse_job(data), 0)


def test_a_job_is_forecast_run_and_drawn(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(
        '[model]\nname = "xxz"\nL = 8\nW = 1.0\n[spectrum]\nwindow = "none"\n'
        '[measure.dynamics]\ntimes = { stop = 10, count = 21 }\nautocorrelation = { letters = "z", sites = [2] }\n'
        "[ensemble]\nrealizations = 2\n[sweep]\nmodel.W = [1.0, 4.0]\n"
    )
    chosen = load_job(path)
    (part,) = estimate(chosen).parts
    assert part.engine == "chebyshev" and part.largest_sector == 70 and part.products > 0 and part.bytes > 0
    run(chosen, tmp_path / "job.h5")
    result = open_result(tmp_path / "job.h5")
    assert len(result.tasks) == 4
    figure = plot_result(result)
    titles = " ".join(axis.get_ylabel() for axis in figure.axes)
    assert "survival" in titles and "population" in titles
    assert all("time" in axis.get_xlabel() for axis in figure.axes if axis.get_visible())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"observe": ["sigma_z"], "initial": {"kind": "random"}}, "observe: sigma_z"),
        ({"observe": ["energy"]}, "initial: neel"),
        ({"initial": {"kind": "random"}, "autocorrelation": {"letters": "z", "sites": [0]}}, "autocorrelation"),
    ],
)
def test_what_needs_spins_is_refused_for_matrices(options, named):
    composite = MatrixComposite(system=np.diag([0.0, 1.0]), bath=np.eye(3), interaction=((np.eye(2), np.eye(3)),))
    with pytest.raises(JobError, match=named):
        bb.MeasureDynamics(times=[1.0], **options).before(Resolution(composite), None, None)
    ring = Ring(N=4).composite(None)
    with pytest.raises(JobError, match=r"cut: there is no site 4; sites are 0 ... 3"):
        bb.MeasureDynamics(times=[1.0], cut=[1, 4]).before(Resolution(ring), None, None)


def test_a_state_of_several_sectors_is_refused_before_any_work(tmp_path):
    """A clean ring at magnetisation 0 has reflections and momenta: the labels of one sector are named, no file is made."""
    job = bb.Job(
        model=bb.XXZ(L=6),
        spectrum=bb.Spectrum(window="none", sector={"magnetisation": 0}),
        measure=bb.Measures(dynamics={"times": [1.0]}),
    )
    with pytest.raises(JobError, match="symmetries = \\[\\]"):
        bb.run(job, tmp_path / "result.h5")
    assert not list(tmp_path.iterdir())


def test_an_autocorrelation_alone_costs_no_evolution():
    """observe = []: no initial state, no evolution of it, and half of the products less; the same numbers as beside one."""
    data = {"model": {"name": "xxz", "L": 8, "W": 1.0}, "spectrum": {"window": "none", "sector": {"magnetisation": 0}}}
    section = {"times": {"stop": 6, "count": 5}, "autocorrelation": {"letters": "z", "sites": [2]}, "shell_width": 1.0}
    both = parse_job(data | {"measure": {"dynamics": section}})
    alone = parse_job(data | {"measure": {"dynamics": section | {"observe": []}}})
    (more,), (less,) = estimate(both).parts, estimate(alone).parts
    propagator = Propagator.of(build(draw(both.model)), sectors(build(draw(both.model)), only={"magnetisation": 0})[0])
    t = both.measure.dynamics.instants
    assert more.products - less.products == propagator.products(t) + propagator.products(t[-1:]) // 2  # and moments
    found = realize(alone, 0)
    assert set(found.data_vars) == {"string_autocorrelation", "string_autocorrelation_error"}
    assert np.array_equal(found.string_autocorrelation, realize(both, 0).string_autocorrelation)
    with pytest.raises(JobError, match="nothing to measure"):
        parse_job(data | {"measure": {"dynamics": {"times": [1.0], "observe": []}}})


def test_one_realization_has_the_error_of_its_random_vectors(tmp_path):
    """``show`` and the means give it; of several realizations they give the scatter."""
    data = {
        "model": {"name": "imbrie", "L": 5}, "spectrum": {"window": "none"},
        "measure": {"dynamics": {
            "times": [0.0, 1.5], "observe": [], "autocorrelation": {"letters": "z", "sites": [2]},
            "shots": {"sigma": 1.0, "count": 500},
        }},
    }  # fmt: skip
    for realizations in (1, 3):
        output = tmp_path / f"{realizations}.h5"
        run(parse_job(data | {"ensemble": {"realizations": realizations}}), output)
        result = open_result(output)
        values = np.array([ds.string_autocorrelation.values for ds in result.tasks.values()])
        own = next(iter(result.tasks.values())).string_autocorrelation_error.values
        expected = own if realizations == 1 else values.std(axis=0, ddof=1) / np.sqrt(3)
        found = [mean.error for mean in means(result, "string_autocorrelation")]
        assert found == pytest.approx(list(expected))
        text = "\n".join(as_text(result, 120))
        assert "±" in text.split("string_autocorrelation")[1]
        assert plot_result(result, "shots").axes


def test_too_few_moments_are_refused_before_anything_is_evolved(monkeypatch):
    """The error names the key and the least number, which is enough."""

    def chosen(**more):
        initial = {"kind": "configuration", "spins": "uduududdu"}
        data = {"model": {"name": "ring", "N": 9}, "spectrum": {"window": "none"}}
        return parse_job(data | {"measure": {"dynamics": {"initial": initial, "times": TIMES, **more}}})

    started = []
    monkeypatch.setattr("bigbath.measure.dynamics.observed", lambda *args, **_: started.append(args))
    words = r"measure\.dynamics\.survival_moments.*give ([\d,]+) or more"
    with pytest.raises(JobError, match=words) as refused:
        realize(chosen(observe=["populations"], survival_moments=1000), 0)
    assert not started
    least = int(re.search(words, str(refused.value))[1].replace(",", ""))
    assert float(realize(chosen(observe=[], survival_moments=least), 0).renyi2_initial) > 0


@pytest.mark.parametrize("model", MODELS)
def test_renyi2_of_the_initial_state_without_its_eigenstates(model):
    """From long times, beside the weights of all levels; nothing is evolved for it."""
    chosen = job(model, "configuration", observe=[], survival_moments=100_000)
    found = realize(chosen, 0)
    h = build(draw(chosen.model, seed=1, realization=0))
    sector = chosen.measure.dynamics.sector_in(h, None, chosen.spectrum.sector)
    start = chosen.measure.dynamics.initial.state(None, sector, None)
    E, V = np.linalg.eigh(dense(h.restricted(sector)))
    each = np.abs(V.conj().T @ start) ** 2
    weights = [level.sum() for level in np.split(each, np.flatnonzero(np.diff(E) > 1e-9) + 1)]
    assert float(found.renyi2_initial) == pytest.approx(-np.log(np.sum(np.square(weights))), abs=0.05)
    assert float(found.renyi2_initial_error) < 0.02 and "state_error" not in found
