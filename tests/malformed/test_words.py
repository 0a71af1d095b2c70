"""One line for one mistake, with the key, what would be right, and the nearest word; before any work."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigbath as bb
from bigbath.errors import BigbathError, JobError
from bigbath.job import parse_job
from bigbath.progress import silent

CHAIN = 'model = { name = "xxz", L = 6, W = 1.0 }\n'
WHOLE = CHAIN + 'spectrum = { window = "whole" }\n'
DYNAMICS = CHAIN + 'spectrum = { window = "none", sector = { magnetisation = 0 } }\n[measure.dynamics]\n'
CUSTOM = 'spectrum = { window = "whole" }\n[model]\nname = "custom"\nL = 4\n'
SEEN = "'populations', 'density_matrix', 'entanglement', 'sigma_x', 'sigma_y', 'sigma_z', 'energy', 'imbalance', 'survival' or "

#: Job -> the lines about it, without their indentation.
MISTAKES = {
    DYNAMICS + "time = [1.0]": ["measure.dynamics.times: is missing", "measure.dynamics.time: unknown key; did you mean 'times'?"],
    DYNAMICS + "times = 5": ["measure.dynamics.times: must be a table with the keys count, spacing, start, stop, or a list, got 5"],
    DYNAMICS + "times = {stop=10, cout=5}": ["measure.dynamics.times.count: is missing",
                                             "measure.dynamics.times.cout: unknown key; did you mean 'count'?"],
    DYNAMICS + "times = {stop=10, count=0}": ["measure.dynamics.times.count: must be greater than or equal to 2, got 0"],
    DYNAMICS + "times = []": ["measure.dynamics.times: must have at least 1 entry, got []"],
    DYNAMICS + 'times = ["a"]': ["measure.dynamics.times.0: must be a number, got 'a'"],
    DYNAMICS + "times = [nan]": ["measure.dynamics.times.0: must be a finite number, got nan"],
    DYNAMICS + 'times = [1]\nobserve = ["imbalence"]': [
        f"measure.dynamics.observe.0: must be {SEEN}'observational_entropy', got 'imbalence'; did you mean 'imbalance'?"],
    DYNAMICS + 'times = [1]\nobserve = "energy"': ["measure.dynamics.observe: must be a list, got 'energy'"],
    DYNAMICS + 'times = [1]\ninitial = {kind="thermal", bta=1}': [
        "measure.dynamics.initial.beta: is missing", "measure.dynamics.initial.bta: unknown key; did you mean 'beta'?"],
    DYNAMICS + 'times = [1]\nautocorrelation = {letters="z", site=[0]}': [
        "measure.dynamics.autocorrelation.sites: is missing",
        "measure.dynamics.autocorrelation.site: unknown key; did you mean 'sites'?"],
    WHOLE + "[measure.number_variance]\nlengths = [0]": ["measure.number_variance.lengths.0: must be greater than 0, got 0"],
    WHOLE + "[measure.form_factor]\ndegre = 3": ["measure.form_factor.degre: unknown key; did you mean 'degree'?"],
    WHOLE + "[measure.spacings]\nshare = 1.5": ["measure.spacings.share: must be less than or equal to 1, got 1.5"],
    WHOLE + "[measure.participation]\nq = [-1]": ["measure.participation.q.0: must be greater than 0, got -1"],
    WHOLE + "[measure.entanglement]\ncuts = [0]": ["measure.entanglement.cuts.0: must be a list, got 0"],
    WHOLE + '[measure.observables]\npauli = ["w"]': ["measure.observables.pauli.0: must be 'x', 'y' or 'z', got 'w'"],
    WHOLE + "[ensemble]\nrealisations = 3": ["ensemble.realisations: unknown key; did you mean 'realizations'?"],
    WHOLE + "[sweep]\nmodel.w = [1.0]": ["sweep, at model.w = 1.0:", "model.w: unknown key; did you mean 'W'?"],
    CHAIN + 'spectrum = { window = "whole", sector = { magnetisation = "0" } }': ["spectrum.sector.magnetisation: must be a whole number, got '0'"],
    CHAIN + 'spectrum = { window = "whole", vectors = "no" }': ["spectrum.vectors: must be true or false, got 'no'"],
    CUSTOM: ["model: there are no terms: give terms, or system, bath and interaction"],
    CUSTOM + 'terms = [["zq", [[1.0, 0, 1]]]]': ["model.terms.0: 'zq' is not a string of spin operators; use the letters I, x, y, z, +, -, n"],
    CUSTOM + 'terms = [["zz", [[1.0, 0, 7]]]]': ["model.terms.0: sites [0, 7] of 'zz' must be integers in 0 ... 3"],
    CUSTOM + 'terms = [{string="z", coupling={kind="unifrm", low=0, high=1}}]': [
        "model.terms.0.coupling: kind must be one of 'uniform', 'normal', 'log-uniform', 'sign', 'quasi-periodic', got 'unifrm'; "
        "did you mean 'uniform'?"],
    CUSTOM + 'terms = [["z", [[1.0, 0]]]]\nsymmetries = [{name="r", permutation="reflexion"}]': [
        "model.symmetries.0.permutation: must be a list, or 'translation' or 'reflection', got 'reflexion'; did you mean 'reflection'?"],
    CUSTOM + 'terms = [["z", [[1.0, 0]]]]\nsymmetries = [{name="r", permutation=[0, 1]}]': [
        "model: symmetry 'r': permutation must hold each of 0 ... 3 once"],
    'spectrum = { window = "whole" }\n[model]\nname = "matrices"\nbaths = "b.npz"': [
        "model.bath: is missing", "model.baths: unknown key; did you mean 'bath'?"],
}  # fmt: skip


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text.splitlines()[-1][:40])
def test_a_mistake_in_words(text):
    with pytest.raises(JobError) as caught:
        parse_job(tomllib.loads(text))
    _, *lines = str(caught.value).splitlines()
    assert [line.strip() for line in lines] == MISTAKES[text]


#: A chain of 14 spins whose whole spectrum takes minutes: the answer must come before.
LARGE = 'model = { name = "xxz", L = 14, W = 1.0 }\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LARGE + 'spectrum={window="whole"}\n[measure.entanglement]\ncuts=[[0], [1, 14]]', "entanglement.cuts.1: [1, 14] must be different sites, 0 ... 13"),
        (LARGE + 'spectrum={window="whole"}\n[measure.entanglement]\ncuts=[[0, 0]]', "entanglement.cuts.0: [0, 0] must be different sites"),
        (LARGE + 'spectrum={window="whole"}\n[measure.observables]\noperators={a=[["z", [[1.0, 99]]]]}', "observables.operators.a, 'z': [99] must be"),
        (LARGE + 'spectrum={window="whole"}\n[measure.observables]\noperators={a=[["z+", [[1.0, 0, 1]]]]}', "operators.a: 'z+' is not a Pauli string"),
        (LARGE + 'spectrum={window="whole", sector={magnetization=0}}', "sector.magnetization: 'magnetization' is not one of this model's: magnetisation; did"),
        (LARGE + 'spectrum={window="whole", symmetries=["magnetization"]}', "symmetries: 'magnetization' is not one of this model's"),
        (LARGE + 'spectrum={window="none"}\n[measure.dynamics]\ntimes=[1]\nautocorrelation={letters="z", sites=[14]}', "there is no site 14"),
    ],
)  # fmt: skip
def test_what_the_model_cannot_do_is_said_before_any_work(text, words):
    with pytest.raises(BigbathError) as caught:
        bb.run(parse_job(tomllib.loads(text)), report=silent)
    assert words in str(caught.value)


WRONG = st.one_of(
    st.integers(-3, 3), st.floats(), st.booleans(), st.text("abz", max_size=3), st.lists(st.text("az", max_size=2), max_size=2),
    st.dictionaries(st.sampled_from(["kind", "stop", "count", "a"]), st.integers(0, 3), max_size=2),
)  # fmt: skip


@settings(max_examples=300)
@given(
    st.sampled_from(
        ["times", "initial", "observe", "cut", "shell_width", "volume_vectors", "autocorrelation", "anything"]
    ),
    WRONG,
)
def test_no_key_has_two_lines_of_the_same_kind(key, value):
    """Values of many types for keys that take several: one type is explained, in the words of a user."""
    data = {**tomllib.loads(DYNAMICS + "times = [1.0]")}
    data["measure"]["dynamics"][key] = value
    try:
        parse_job(data)
    except JobError as error:
        keys = [line.split(": ")[0].strip() for line in str(error).splitlines()[1:]]
        assert keys and len(set(keys)) == len(keys), str(error)
        assert "nput should" not in str(error) and "validation" not in str(error)
