"""Short forms of objects on a terminal and in a notebook."""

from html.parser import HTMLParser

import numpy as np
import pytest
import scipy.sparse as sp

import bigbath as bb
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
    return {
        type(one).__name__: one for one in (job, composite, h, states, states[0], states.evidence, matrices, result)
    }


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
        ("MatrixComposite", "bath: 4 states, sparse"), ("Result", "tasks: 30 done"),
    ],
)  # fmt: skip
def test_they_are_short_and_say_what_matters(objects, kind, words):
    one = objects[kind]
    text, page = repr(one), one._repr_html_()
    assert words in text
    assert len(text.splitlines()) <= 10 and max(map(len, text.splitlines())) <= 102
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
