"""What the variables of results are: a name in words, a unit and a sentence for each, which become their attributes.

To describe a new variable: one line here; a test finds those that are missing, and checks the units by measuring a model in
other units.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

#: Energies are in units of the coupling, times in its inverse; "1" has no unit; entropies have natural logarithms.
COUPLING, NUMBER, NATS = "coupling", "1", "nats"
SQUARE, INVERSE, INVERSE_SQUARE = "coupling²", "1/coupling", "1/coupling²"


@dataclass(frozen=True)
class Variable:
    """``name`` in words, for the title of an axis; ``units``; ``description`` with the source."""

    name: str
    units: str
    description: str


_TABLE = {
    # eigenstates
    "energy": ("energy", COUPLING, "eigenvalue of H, ascending"),
    "energy_density": ("energy density", NUMBER, "(E - E_min)/(E_max - E_min), ends of the sectors that were selected"),
    "residual": ("residual", COUPLING, "||H v - E v|| of the eigenstate"),
    "sector_index": ("number of the sector", NUMBER, "position in the attribute sectors_spectrum"),
    "bath_energy": ("energy of the initial bath state", COUPLING, "eigenvalue of H_B, ascending"),
    "bath_sector_index": ("number of the bath's sector", NUMBER, "position in the attribute sectors_bath"),
    "system_energy": ("energy of the system", COUPLING, "eigenvalue of H_S, ascending"),
    "E_min": ("lowest level", COUPLING, "lowest level of the sectors that were selected"),
    "E_max": ("highest level", COUPLING, "highest level of the sectors that were selected"),
    "multiplicity": ("multiplicity of the level", NUMBER, "states of its sector in the level of a state; 1: defined by itself"),
    "degeneracy": ("degeneracy of the level", NUMBER, "states of all sectors in the level of a state"),
    "bath_degeneracy": ("degeneracy of the bath's level", NUMBER, "states of all sectors of H_B in the level of a state"),
    # dimensions
    "state": ("number of the eigenstate", NUMBER, "from 0, in ascending energy"),
    "other_state": ("number of the other eigenstate", NUMBER, "from 0, in ascending energy"),
    "bath_state": ("number of the bath state", NUMBER, "from 0, in ascending energy"),
    "kept_state": ("number of the kept bath state", NUMBER, "from 0"),
    "kept_bath_state": ("kept bath state", NUMBER, "its number along bath_state"),
    "sector": ("sector", NUMBER, "number of the symmetry sector"),
    "branch": ("branch", NUMBER, "level of the system, from 1, ascending"),
    "branch_from": ("initial branch", NUMBER, "level of the system at time 0, from 1, ascending"),
    "other_branch": ("other branch", NUMBER, "level of the system that V leads to, from 1, ascending"),
    "site": ("site", NUMBER, "number of the spin, the system's first"),
    "operator": ("operator", NUMBER, "its name in measure.observables.operators"),
    "cut": ("cut", NUMBER, "sites of the part, those of the system first"),
    "shell": ("number of the energy shell", NUMBER, "m of the shell about E_min + m Delta, Eq. 31 of the entropy paper"),
    "bath_shell": ("number of the bath's energy shell", NUMBER, "from 0, in ascending energy"),
    "power": ("power", NUMBER, "r of the sum of p_n^r"),
    "order": ("order", NUMBER, "k of spacings between k-th neighbours"),
    "q": ("order q", NUMBER, "order of the participation entropy"),
    "quantile": ("quantile", NUMBER, "share of states with a smaller broadening"),
    "epsilon": ("energy ε", COUPLING, "energy of the propagator"),
    "kappa": ("rate κ", COUPLING, "Laplace variable"),
    "element": ("element", NUMBER, '"1,2" is |1><2| of the system\'s density matrix'),
    "element_from": ("initial element", NUMBER, '"1,2" is |1><2| of the system\'s density matrix at time 0'),
    "time": ("time", INVERSE, "hbar = 1"),
    "tau": ("time τ in Heisenberg times", NUMBER, "in units of the Heisenberg time 2 pi/(mean spacing)"),
    "spacing": ("spacing over its mean", NUMBER, "of unfolded levels, mean 1; middle of a bin"),
    "ensemble": ("ensemble", NUMBER, "poisson, goe or gue"),
    "length": ("length in mean spacings", NUMBER, "of the interval of levels"),
    "iteration": ("iteration", NUMBER, "from 0"),
    "energy_shell": ("energy shell of the task", NUMBER, "from 0, in ascending energy"),
    "realization": ("realization", NUMBER, "index of the disorder realization"),
    # distribution
    "P": ("probability in an energy shell", NUMBER, "sum of p_n over the levels of a shell (entropy paper, Eq. 32)"),
    "p": ("probability of an eigenstate", NUMBER, "|<psi_n|phi_mu phi_i>|^2 (entropy paper, Eq. 2)"),
    "norm": ("probability in the window", NUMBER, "sum of p_n"),
    "mean_energy": ("mean energy", COUPLING, "sum of p_n E_n"),
    "second_moment": ("second moment of the energy", SQUARE, "sum of p_n E_n^2"),
    "shannon": ("entropy of the steady state", NATS, "-sum p ln p over levels: its von Neumann entropy (entropy paper, Eq. 3)"),
    "renyi2": ("Rényi-2 entropy of the steady state", NATS, "-ln sum p^2 over levels (entropy paper, Eq. 52)"),
    "observational": ("observational entropy", NATS, "-sum P ln(P/d) over energy shells of d levels (entropy paper, Fig. 5)"),
    "shell_energy": ("energy of the shell", COUPLING, "mean energy of the levels in it; NaN for none"),
    "shell_count": ("levels in the shell", NUMBER, "number of eigenstates in the shell"),
    "shell_lower_edge": ("lower edge of the shell", COUPLING, "the upper one is shell_width higher"),
    "own_shell_count": ("levels of the shell within reach", NUMBER, "eigenstates that symmetry lets the product state reach"),
    "shell_powers": ("sum of powers of p", NUMBER, "sum of p_n^r over the levels of a shell"),
    "centre": ("fitted centre", COUPLING, "a + Delta of the Lorentzian through the shells' P (entropy paper, Eqs. 33, 34)"),
    "chi": ("fitted half-width χ", COUPLING, "half-width of the Lorentzian through the shells' P (entropy paper, Eqs. 33, 34)"),
    "centre_error": ("error of the fitted centre", COUPLING, "standard error of the fit"),
    "chi_error": ("error of χ", COUPLING, "standard error of the fit"),
    "fit_rms": ("rms of the fit", NUMBER, "root mean square of P minus the Lorentzian"),
    "fit_converged": ("share of fits that converged", NUMBER, "1 where the fit converged"),
    "fit_resolved": ("share of fits that are resolved", NUMBER, "0 where χ is below the shells' width and means nothing"),
    # interaction
    "F2": ("coupling strength F²", SQUARE, "|V|^2 summed over the bath states of a shell (entropy paper, Fig. 2)"),
    "channel": ("channel sum", SQUARE, "sum of |V|^2 over all bath states (entropy paper, Eq. 42)"),
    "V_diagonal": ("diagonal of V", COUPLING, "<phi_mu phi_i|V|phi_mu phi_i>"),
    "bath_shell_energy": ("energy of the final bath state", COUPLING, "mean energy of the bath's levels in the shell"),
    "bath_shell_count": ("bath levels in the shell", NUMBER, "number of states of H_B in the shell"),
    "chi_reconstructed": ("half-width χ from |V|²", COUPLING, "from the fitted ones by Eqs. 36, 43 of the entropy paper"),
    "shift_reconstructed": ("shift from |V|²", COUPLING, "Δ - V from the fitted parameters by Eqs. 37, 43 of the entropy paper"),
    "chi_solved": ("self-consistent half-width χ", COUPLING, "Eq. 36 of the entropy paper, iterated from scratch"),
    "shift_solved": ("self-consistent shift", COUPLING, "Eq. 37 of the entropy paper, iterated from scratch"),
    "solution_settled": ("share of settled solutions", NUMBER, "1 where the iteration of Eqs. 36, 37 came to rest"),
    "solution_change": ("change in the iteration", COUPLING, "largest change of a half-width or centre"),
    "chi_closed": ("half-width χ of the closed equations", COUPLING, "at the peak of p, from Eqs. 27-30 of the entropy paper"),
    "shift_closed": ("shift of the closed equations", COUPLING, "at the peak of p, from Eqs. 27-30 of the entropy paper"),
    "norm_closed": ("probability, closed equations", NUMBER, "integral of p of Eqs. 27-30: 1 but for the grid"),
    "closed_settled": ("share of settled closed equations", NUMBER, "1 where the iteration of Eqs. 27-30 came to rest"),
    "observational_closed": ("observational entropy, closed equations", NATS, "predicted from |V|^2 alone"),
    "observational_own_closed": ("observational entropy within reach, closed equations", NATS, "predicted from |V|^2 alone, over levels within reach"),
    "von_neumann_closed": ("von Neumann entropy, closed equations", NATS, "predicted from |V|^2 alone, with fluctuations"),
    "renyi2_closed": ("Rényi-2 entropy, closed equations", NATS, "predicted from |V|^2 alone, with fluctuations"),
    "P_closed": ("probability in an energy shell, closed equations", NUMBER, "p of Eqs. 27-30 integrated over the shell"),
    # propagator
    "D": ("propagator D", INVERSE_SQUARE, "exact, from level branch_from to branch (diffusion paper, Eq. 7)"),
    "D_theory": ("propagator D, theory", INVERSE_SQUARE, "diffusion paper, Eq. 17"),
    "nu": (r"local density of states $\tilde\nu$", INVERSE, "2 pi times the local density of states (diffusion paper, Eq. 14)"),
    "B": ("coefficient B", INVERSE_SQUARE, "mean of nu/(kappa + Gamma) (diffusion paper, Eq. 13)"),
    "A": ("autocorrelation A", INVERSE_SQUARE, "Laplace transform, exact (diffusion paper, Eq. 22)"),
    "A_theory": ("autocorrelation A, theory", INVERSE_SQUARE, "Laplace transform (diffusion paper, Eqs. 17, 22)"),
    "A_connected": ("connected autocorrelation A", INVERSE_SQUARE, "A without its pole at kappa = 0"),
    "A_theory_connected": ("connected autocorrelation A, theory", INVERSE_SQUARE, "A_theory without its pole at kappa = 0"),
    "level_spacing": ("mean level spacing", COUPLING, "of the levels of H nearest epsilon"),
    "Gamma_typical": ("typical level broadening", COUPLING, "exp of the mean ln Gamma (diffusion paper, Eq. 11)"),
    "Gamma_quantile": ("level broadening, quantile", COUPLING, "of the distribution over states (diffusion paper, Eq. 11)"),
    # cavity, dephasing
    "nu_cavity": (r"local density of states $\tilde\nu$, cavity", INVERSE, "2 pi times the local density of states, by the cavity equation"),
    "B_cavity": ("coefficient B, cavity", INVERSE_SQUARE, "by the cavity equation (diffusion paper, Eqs. 8, 13)"),
    "A_cavity": ("autocorrelation A, cavity", INVERSE_SQUARE, "Eq. 20 of the diffusion paper with nu and B of the cavity"),
    "A_memory": ("autocorrelation A, bond memory", INVERSE_SQUARE, "with the memory of single bonds"),
    "cavity_residual": ("residual of the cavity equation", NUMBER, "relative, of the last iteration"),
    "memory_residual": ("residual of the bond memory", NUMBER, "relative, of the last iteration"),
    "superpropagator_real": ("propagator of the density matrix, real part", INVERSE_SQUARE, "exact, between its elements"),
    "superpropagator_imag": ("propagator of the density matrix, imaginary part", INVERSE_SQUARE, "exact, between its elements"),
    "ladder_real": ("ladder of the density matrix, real part", INVERSE_SQUARE, "theory, between its elements"),
    "ladder_imag": ("ladder of the density matrix, imaginary part", INVERSE_SQUARE, "theory, between its elements"),
    "ladder_residual": ("residual of the ladder", NUMBER, "relative, of its linear equations"),
    # real time
    "p_time": ("joint probability", NUMBER, "of branch_from at time 0 and branch at time t, exact (diffusion paper, Eqs. 2-4)"),
    "p_time_theory": ("joint probability, theory", NUMBER, "diffusion paper, Eqs. 5, 20; NaN before its attribute earliest_time"),
    "p_time_error": ("error of Eq. 5", NUMBER, "bound of the error of the inverse transform, not of the theory"),
    "p_time_direct": ("joint probability, direct propagator", NUMBER, "diffusion paper, Eqs. 5, 7; NaN before 2/width"),
    "p_time_direct_error": ("error of Eq. 5", NUMBER, "bound of the difference of p_time_direct from p_time"),
    "p_time_evolved": ("joint probability, evolved", NUMBER, "exact but for random vectors (diffusion paper, Eq. 2)"),
    "p_time_evolved_error": ("error of the joint probability", NUMBER, "from the scatter of random vectors"),
    "time_resolved": ("share of resolved times", NUMBER, "0 after the Heisenberg time"),
    "autocorrelation": ("autocorrelation in time", NUMBER, "of the system's level, exact (diffusion paper, Eq. 21)"),
    "autocorrelation_theory": ("autocorrelation in time, theory", NUMBER, "diffusion paper, Eqs. 5, 20, 21"),
    "autocorrelation_direct": ("autocorrelation in time, direct propagator", NUMBER, "diffusion paper, Eqs. 5, 7, 21"),
    "autocorrelation_evolved": ("autocorrelation in time, evolved", NUMBER, "exact but for random vectors"),
    "autocorrelation_evolved_error": ("error of the autocorrelation", NUMBER, "from the scatter of random vectors"),
    "p_infinite": ("time average of the joint probability", NUMBER, "exact"),
    "p_stationary": ("stationary joint probability", NUMBER, "from the theory's zero mode (diffusion paper, Eq. 26)"),
    "p_thermal": ("thermal probability", NUMBER, "from the bath's density of states (diffusion paper, Eq. 28)"),
    "p_canonical": ("canonical probability", NUMBER, "from the bath's temperature (diffusion paper, Eq. 28)"),
    "bath_beta": ("inverse temperature of the bath", INVERSE, "d ln(density)/dE of its levels"),
    "zero_mode": ("zero mode", SQUARE, "of the ladder, s_b (diffusion paper, Eq. 26)"),
    "balanced_mode": ("balanced mode", SQUARE, "zero mode that makes the stationary state thermal (diffusion paper, Eq. 29)"),
    "rate": ("effective rate", COUPLING, "of transitions from branch_from to branch (diffusion paper, Eq. 30)"),
    "imbalance": ("relative imbalance", NUMBER, "violation of detailed balance (diffusion paper, Eq. 31)"),
    "long_time_resolved": ("share of resolved long times", NUMBER, "0 where kappa is below the level spacing"),
    # dynamics
    "t": ("time", INVERSE, "hbar = 1"),
    "state_error": ("error of the state", NUMBER, "bound on ||psi(t) - its exact value||"),
    "loschmidt": ("Loschmidt amplitude", NUMBER, "<psi(0)|psi(t)>"),
    "survival": ("survival probability", NUMBER, "|<psi(0)|psi(t)>|^2"),
    "survival_error": ("error of the survival probability", NUMBER, "bound"),
    "survival_mean": ("mean of the survival probability over all times", NUMBER, "sum w^2, w the weights of the levels of H"),
    "survival_mean_error": ("error of the mean of the survival probability", NUMBER, "standard error"),
    "renyi2_initial": ("Rényi-2 entropy of the initial state over the levels of H", NATS, "-ln of the mean of the survival probability"),
    "renyi2_initial_error": ("its error", NATS, "standard error"),
    "population": ("population of the system's level", NUMBER, "diagonal of the system's density matrix"),
    "rho_S": ("density matrix of the system", NUMBER, "in the eigenstates of H_S"),
    "entanglement_t": ("entanglement entropy", NATS, "of the sites of cut, else of the system"),
    "sigma_x_t": (r"expectation value $\langle\sigma^x\rangle$", NUMBER, "expectation value on a site"),
    "sigma_y_t": (r"expectation value $\langle\sigma^y\rangle$", NUMBER, "expectation value on a site"),
    "sigma_z_t": (r"expectation value $\langle\sigma^z\rangle$", NUMBER, "expectation value on a site"),
    "energy_t": ("mean energy", COUPLING, "<psi(t)|H|psi(t)>, which does not change"),
    "imbalance_t": ("imbalance", NUMBER, "sum of z_j(0) z_j(t) over sites, relative to t = 0"),
    "observational_entropy": ("observational entropy", NATS, "by the system's level and the bath's energy shell"),
    "observational_entropy_error": ("error of the observational entropy", NATS, "standard error from the volumes"),
    "observational_entropy_steady": ("observational entropy of the steady state", NATS, "of the time average"),
    "shell_probability_t": ("probability of a level and a bath shell", NUMBER, "of the system's level and the bath's energy shell"),
    "shell_probability_t_steady": ("probability of a level and a bath shell, steady state", NUMBER, "of the time average"),
    "shell_volume_t": ("volume of a level and a bath shell", NUMBER, "trace of its projector in the sector"),
    "bath_shell_t": ("number of the bath's energy shell", NUMBER, "of the observational entropy in time, from 0, ascending"),
    "population_steady": ("population of the system's level, steady state", NUMBER, "of the time average"),
    "renyi2_steady": ("Rényi-2 entropy of the steady state", NATS, "-ln sum w^2, w the weights of the levels of H (entropy paper, Eq. 52)"),
    "string_autocorrelation": ("autocorrelation", NUMBER, "Tr[A(t) A]/d of a Pauli string at infinite temperature"),
    "string_autocorrelation_error": ("error of the autocorrelation", NUMBER, "standard error over random vectors"),
    "shot_shell": ("number of the energy shell", NUMBER, "of P_sigma(E), from 0, ascending"),
    "shot_shell_energy": ("centre of the energy shell", COUPLING, "of P_sigma(E)"),
    "shot_density": ("energy density", INVERSE, "P_sigma(E) of the initial state, from a finite number of shots"),
    "shot_density_error": ("error of the energy density", INVERSE, "standard error of the shots"),
    "shot_density_exact": ("energy density, exact", INVERSE, "P_sigma(E) of infinitely many shots"),
    "shot_probability": ("probability of the energy shell", NUMBER, "with smeared edges, from a finite number of shots"),
    "shot_probability_error": ("error of the probability", NUMBER, "standard error of the shots"),
    "shot_probability_exact": ("probability of the energy shell, exact", NUMBER, "of infinitely many shots"),
    "shot_volume": ("volume of the energy shell", NUMBER, "number of states in it, from random vectors"),
    "shot_entropy": ("observational entropy from shots", NATS, "by the energy shells that the shots resolve"),
    "shot_entropy_error": ("error of the observational entropy", NATS, "standard error of the shots"),
    "shot_entropy_exact": ("observational entropy of infinitely many shots", NATS, "by all energy shells"),
    "shot_outcomes": ("number of outcomes", NUMBER, "of all amplitudes"),
    # states
    "participation": ("participation entropy", NATS, "ln(sum_b |<b|n>|^2q)/(1 - q) over configurations"),
    "entanglement": ("entanglement entropy", NATS, "of the system; NaN in degenerate levels"),
    "entanglement_cut": ("entanglement entropy", NATS, "of the sites of a cut; NaN in degenerate levels"),
    "sigma_x": (r"expectation value $\langle\sigma^x\rangle$", NUMBER, "expectation value on a site"),
    "sigma_y": (r"expectation value $\langle\sigma^y\rangle$", NUMBER, "expectation value on a site"),
    "sigma_z": (r"expectation value $\langle\sigma^z\rangle$", NUMBER, "expectation value on a site"),
    "expectation": ("expectation value", NUMBER, "<n|O|n>, in the units of the operator; in a degenerate level its mean"),
    "element_squared": ("squared matrix element", NUMBER, "|<m|O|n>|^2, in the units of the operator; NaN in degenerate levels"),
    # levels
    "sector_label": ("sector", NUMBER, "quantum numbers of the sector"),
    "random_matrices": ("random matrices to compare with", NUMBER, "goe or gue"),
    "gap_ratio": ("mean gap ratio", NUMBER, "min(a, b)/max(a, b) of neighbouring spacings (Oganesyan & Huse 2007)"),
    "gap_ratio_of_order": ("mean gap ratio of higher order", NUMBER, "of spacings between k-th neighbours"),
    "spacing_density": ("density of spacings", NUMBER, "histogram of unfolded spacings"),
    "spacing_distance": ("distance of spacings", NUMBER, "largest difference of cumulative distributions (Kolmogorov & Smirnov)"),
    "number_variance": ("number variance", NUMBER, "of levels in an interval of unfolded levels"),
    "form_factor": ("form factor", NUMBER, "|Z|^2/sum f^2 of one realization"),
    "form_factor_real": ("real part of Z", NUMBER, "sum of f exp(-2 pi i e tau)"),
    "form_factor_imag": ("imaginary part of Z", NUMBER, "sum of f exp(-2 pi i e tau)"),
    "form_factor_norm": ("sum of f²", NUMBER, "levels that the filter takes"),
    "mean_spacing": ("mean level spacing", COUPLING, "in the middle of the spectrum"),
}  # fmt: skip

#: What an ending adds to a variable of the table: (name, description).
_ENDINGS = {
    "_integrated": (", integrated over shells", "; of the Lorentzian that is integrated over each shell"),
    "_unresolved": (": unresolved", "what the sector does not tell apart, or resolved"),
}


def known(name: str) -> Variable | None:
    """What is known of a variable; None for one of something else."""
    if name in _TABLE:
        return Variable(*_TABLE[name])
    for ending, (words, more) in _ENDINGS.items():
        base = name.removesuffix(ending)
        if base != name and ending == "_unresolved":
            return Variable(f"{base.replace('_', ' ')}{words}", NUMBER, more)
        if base != name and base in _TABLE:
            title, units, description = _TABLE[base]
            return Variable(title + words, units, description + more)
    return None


def described(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with ``long_name``, ``units`` and ``description`` of each variable that is known and has none, and the
    coordinate ``energy_density`` where its energies and the ends of the spectrum are there.
    """
    energy, ends = dataset.variables.get("energy"), [dataset.attrs.get(end) for end in ("E_min", "E_max")]
    if energy is not None and None not in ends and "energy_density" not in dataset.variables:
        low, high = map(float, ends)  # type: ignore[arg-type]
        with np.errstate(divide="ignore", invalid="ignore"):
            dataset = dataset.assign_coords(
                energy_density=(energy.dims, (energy.values - low) / np.float64(high - low))
            )
    dataset = dataset.copy()
    for name, variable in dataset.variables.items():
        found = known(str(name))
        if found is not None:
            words = {"long_name": _plain(found.name), "units": found.units, "description": found.description}
            variable.attrs = words | variable.attrs
    return dataset


def _plain(name: str) -> str:
    """A name without the commands of TeX."""
    for command, sign in ((r"\langle", "<"), (r"\rangle", ">"), (r"\sigma", "σ"), (r"\tilde\nu", "ν")):
        name = name.replace(command, sign)
    return name.replace("$", "")
