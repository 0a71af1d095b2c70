"""bigbath: how a small quantum system thermalises in a big bath, at exact-diagonalisation accuracy.

The names below are the public API; each is imported when first used, and importing bigbath starts no MPI.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

_WHERE = {
    "bigbath.errors": (
        "BigbathError", "FailedTasks", "FileError", "ImpossibleRequest", "IncompleteWindow", "JobError", "MissingCapability",
        "SymmetryError", "UnresolvedSpectrum",
    ),
    "bigbath.models": (
        "Ring", "Imbrie", "TFIM", "Levy", "XXZ", "QuantumSun", "Custom", "DeclaredSymmetry", "Matrices", "MatrixFile", "Strings",
        "Uniform", "Normal", "LogUniform", "RandomSign", "QuasiPeriodic", "composite_of", "draw",
    ),
    "bigbath.operators": ("Hamiltonian", "build"),
    "bigbath.spaces": ("everything", "sectors"),
    "bigbath.solvers": (
        "Auto", "Dense", "Density", "Eigenstate", "Eigenstates", "Evidence", "Filter", "Interval", "Levels", "Nearest", "ShiftInvert",
        "Solver", "Whole", "solve",
    ),
    "bigbath.broadening": (
        "Distribution", "LorentzianFit", "Shells", "SystemStates", "distribution", "fit_lorentzian",
        "system_states",
    ),
    "bigbath.spectral": (
        "ShellAverage", "ShellVectors", "scaled_operator", "shell_average", "shell_parameters", "state_moments",
    ),
    "bigbath.dynamics": (
        "Autocorrelation", "EnergyShots", "JointProbability", "Loschmidt", "ObservationalEntropy", "Propagator", "SurvivalMean", "autocorrelation", "charge_sector", "configuration",
        "energy_shots", "evolve", "joint_probability", "loschmidt", "product_state", "random_state", "survival_mean", "thermal_state",
    ),
    "bigbath.job": ("Ensemble", "Job", "Spectrum", "load_job"),
    "bigbath.sweep": ("Range", "Sweep"),
    "bigbath.measure": (
        "MeasureCavity", "MeasureDephasing", "MeasureDistribution", "MeasureDynamics", "MeasureEntanglement", "MeasureEvolution",
        "MeasureFormFactor", "MeasureGapRatio", "MeasureInteraction", "MeasureLongTime", "MeasureNumberVariance",
        "MeasureObservables", "MeasureParticipation", "MeasurePropagator", "MeasureSpacings",
        "Measures", "disorder_average",
    ),
    "bigbath.measure.of_states": (
        "entanglement", "gap_ratio", "matrix_elements", "observables", "observational_entropy", "participation", "propagator",
    ),
    "bigbath.store": ("Result", "open_result", "open_run"),
    "bigbath.interactive": ("run",),
    "bigbath.plots": ("plot_distribution", "plot_result"),
    "bigbath.studies.coupling": ("coupling_law",),
}  # fmt: skip
_MODULE = {name: module for module, names in _WHERE.items() for name in names}
__all__ = sorted(_MODULE)

if TYPE_CHECKING:
    from bigbath.broadening import (
        Distribution,
        LorentzianFit,
        Shells,
        SystemStates,
        distribution,
        fit_lorentzian,
        system_states,
    )
    from bigbath.dynamics import (
        Autocorrelation,
        EnergyShots,
        JointProbability,
        Loschmidt,
        ObservationalEntropy,
        Propagator,
        SurvivalMean,
        autocorrelation,
        charge_sector,
        configuration,
        energy_shots,
        evolve,
        joint_probability,
        loschmidt,
        product_state,
        random_state,
        survival_mean,
        thermal_state,
    )
    from bigbath.errors import (
        BigbathError,
        FailedTasks,
        FileError,
        ImpossibleRequest,
        IncompleteWindow,
        JobError,
        MissingCapability,
        SymmetryError,
        UnresolvedSpectrum,
    )
    from bigbath.interactive import run
    from bigbath.job import Ensemble, Job, Spectrum, load_job
    from bigbath.measure import (
        MeasureCavity,
        MeasureDephasing,
        MeasureDistribution,
        MeasureDynamics,
        MeasureEntanglement,
        MeasureEvolution,
        MeasureFormFactor,
        MeasureGapRatio,
        MeasureInteraction,
        MeasureLongTime,
        MeasureNumberVariance,
        MeasureObservables,
        MeasureParticipation,
        MeasurePropagator,
        Measures,
        MeasureSpacings,
        disorder_average,
    )
    from bigbath.measure.of_states import (
        entanglement,
        gap_ratio,
        matrix_elements,
        observables,
        observational_entropy,
        participation,
        propagator,
    )
    from bigbath.models import (
        TFIM,
        XXZ,
        Custom,
        DeclaredSymmetry,
        Imbrie,
        Levy,
        LogUniform,
        Matrices,
        MatrixFile,
        Normal,
        QuantumSun,
        QuasiPeriodic,
        RandomSign,
        Ring,
        Strings,
        Uniform,
        composite_of,
        draw,
    )
    from bigbath.operators import Hamiltonian, build
    from bigbath.plots import plot_distribution, plot_result
    from bigbath.solvers import (
        Auto,
        Dense,
        Density,
        Eigenstate,
        Eigenstates,
        Evidence,
        Filter,
        Interval,
        Levels,
        Nearest,
        ShiftInvert,
        Solver,
        Whole,
        solve,
    )
    from bigbath.spaces import everything, sectors
    from bigbath.spectral import (
        ShellAverage,
        ShellVectors,
        scaled_operator,
        shell_average,
        shell_parameters,
        state_moments,
    )
    from bigbath.store import Result, open_result, open_run
    from bigbath.studies.coupling import coupling_law
    from bigbath.sweep import Range, Sweep


def __getattr__(name: str) -> Any:
    if name in _MODULE:
        return getattr(import_module(_MODULE[name]), name)
    raise AttributeError(f"module 'bigbath' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
