"""Short forms of objects on a terminal and in a notebook."""

from html.parser import HTMLParser

import numpy as np
import pytest
import scipy.sparse as sp
from pydantic import RootModel
from pydantic.dataclasses import is_pydantic_dataclass

import bigbath as bb
from bigbath.compact import Compact, brief
from bigbath.diffusion.time_domain import EnergyFilter
from bigbath.models import MatrixComposite
from bigbath.progress import silent


@pytest.fixture(scope="module")
def objects():
    job = bb.Job(
        title="<b>a title</b>", model=bb.XXZ(L=6), spectrum=bb.Spectrum(window="whole"), measure={"entanglement": {}},
        sweep={"model.W": list(np.linspace(1, 2, 30))},
    )  # fmt: skip
    composite = bb.draw(bb.XXZ(L=6, W=1.0))
    h = bb.build(composite)
    states = bb.solve(h, bb.Whole())
    matrices = MatrixComposite(system=np.eye(2), bath=sp.eye_array(4), interaction=())
    result = bb.run(job, report=silent)
    bath, system = bb.solve(bb.build(composite, "B"), bb.Whole()), bb.system_states(composite)
    sector, propagator = bb.everything(h.dim), bb.Propagator.of(h)
    d = bb.distribution(states, bath, system, width=1.0)
    vectors = bb.ShellVectors.of(composite, np.array([0.0]), bath_sigma=0.5, sigma=0.3)
    moments = [vectors.moments(np.random.default_rng(n)) for n in range(2)]
    psi = np.eye(h.dim)[0]
    return {
        type(one).__name__: one
        for one in (
            job, composite, h, states, states[0], states.evidence, matrices, result, states.blocks[0], system, sector, propagator,
            bb.Solver(h), d, d.shells, bb.fit_lorentzian(d.shells, d.P), vectors, bb.shell_average(vectors, moments, width=1.0),
            bb.loschmidt(propagator, psi, [0.0, 1.0]), bb.autocorrelation(h, "z", (0,), [0.0, 1.0]),
            bb.survival_mean(propagator, psi, moments=10_000),
            bb.ObservationalEntropy.of(sector, h.dims, system, bath, 1.0), bb.energy_shots(propagator, psi, sigma=0.5, shots=100),
            bb.joint_probability(h, system, EnergyFilter(centre=0.0, width=2.0), [0.0, 1.0], vectors=2),
        )
    }  # fmt: skip


@pytest.mark.parametrize("window", [bb.Whole(), bb.Nearest(k=3), bb.Density(k=3), bb.Interval(lower=-1.0, upper=1.0)])
@pytest.mark.parametrize("engine", [bb.Auto(), bb.Dense(), bb.Filter(), bb.ShiftInvert()])
def test_a_job_names_its_model_window_and_engine(window, engine):
    text = bb.Job(model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window=window, engine=engine))._repr_html_()
    assert "imbrie" in text and window.kind in text
    assert engine.kind in text or engine == bb.Auto()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Job", "measure: entanglement"), ("SpinComposite", "5 of the bath"), ("Hamiltonian", "1 sum(s) of sigma^z"),
        ("Eigenstates", "complete: yes"), ("Eigenstate", "magnetisation"), ("Evidence", "64 found, 64 counted"),
        ("MatrixComposite", "bath: 4 states, sparse"), ("Result", "tasks: 30 done"), ("Sector", "<Sector: whole space, 64 of 64 states>"),
        ("Block", "1 of 1 in the sector magnetisation +6"), ("Solver", "sector: all"), ("Propagator", "states: 64, real H"),
        ("SystemStates", "vectors: 2 x 2 float64"), ("Shells", "width: 1"), ("Distribution", "bath_energy: 32 float64"),
        ("LorentzianFit", "chi: 32 x 2 float64"), ("ShellVectors", "bath_sigma: 0.5"), ("ShellAverage", "shells: Shells, 1"),
        ("Loschmidt", "amplitude: 2 complex128"), ("Autocorrelation", "samples: 4 x 2 float64"),
        ("ObservationalEntropy", "bath: Eigenstates, 32 of 32"), ("EnergyShots", "shots: 100"),
        ("SurvivalMean", "products: 5000"), ("JointProbability", "samples: 2 x 2 x 2 x 2 float64"),
    ],
)  # fmt: skip
def test_they_are_short_and_say_what_matters(objects, kind, words):
    one = objects[kind]
    text, page = repr(one), one._repr_html_()
    assert words in text
    assert len(text.splitlines()) <= 20 and max(map(len, text.splitlines())) <= 102
    assert kind in page and "<b>a title" not in page and len(page) < 6000

    class Balance(HTMLParser):
        depth = 0

        def handle_starttag(self, tag, attrs):
            self.depth += 1

        def handle_endtag(self, tag):
            self.depth -= 1

    parser = Balance()
    parser.feed(page)
    assert parser.depth == 0


def test_no_public_object_prints_its_arrays(objects):
    """What holds arrays or matrices has a short form; what a user chooses prints as he would write it."""
    for name in bb.__all__:
        one = getattr(bb, name)
        if isinstance(one, type) and not (is_pydantic_dataclass(one) or issubclass(one, RootModel | Exception)):
            assert issubclass(one, Compact) and name in objects, name


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.arange(6.0).reshape(2, 3), "2 x 3 float64, 0 to 5"), (np.array([np.nan, 2.0]), "2 float64, 2 to 2"),
        (np.empty((0, 3)), "0 x 3 float64"), (np.array(1.5), "one float64, 1.5 to 1.5"), (np.array(["a"]), "1 <U1"),
        (np.array([1j]), "1 complex128"), (0.1 + 0.2, "0.3"), (None, "None"), ((1, 2), "(1, 2)"), (list(range(9)), "9 of them"),
        ("x" * 200, "x" * 56 + " ..."), (sp.eye_array(3), "dia_array"),
    ],
)  # fmt: skip
def test_values_in_brief(value, words):
    assert brief(value) == words
