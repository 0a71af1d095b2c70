"""Observational entropy with smeared energy shells of the bath, from Chebyshev moments: no eigenstate of the bath is needed.

The shells are a measurement P_{a,s} = |a><a| x f_s(H_B), f_s(E) = [erf((E - e_s)/w) - erf((E - e_{s+1})/w)]/2 with
w = sqrt(2) sigma, so that all f_s sum to 1. p_{a,s} = <psi|P_{a,s}|psi> follows from the moments of the parts psi_a of
psi, the volumes V_{a,s} = Tr P_{a,s} from those of random vectors (Weisse et al., Rev. Mod. Phys. 78, 275, Sec. II).
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.special import erf

from bigbath.broadening import SystemStates
from bigbath.broadening.entropy import observational
from bigbath.chebyshev import moments
from bigbath.dynamics.propagate import Propagator
from bigbath.dynamics.states import random_state
from bigbath.errors import ImpossibleRequest
from bigbath.operators import Hamiltonian, Operator
from bigbath.spaces import Sector, contraction, everything

#: Moments in units of halfwidth/sigma: what is left out is exp(-9^2/2) = 3e-18 of a shell's edge.
SHARPNESS = 9.0

#: More shells than this are a mistake in the units of the width.
MOST = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class SmearedEntropy:
    """Coarse-graining by (level a of the system, smeared energy shell s of the bath) in one sector.

    ``edges`` (S + 1,); ``smearing``: sigma of the edges, in units of the coupling. ``samples`` (R, D_S, S): volumes from each
    of R random vectors. ``coefficients`` (order, S): of the f_s in Chebyshev polynomials.
    """

    edges: np.ndarray
    smearing: float
    samples: np.ndarray
    coefficients: np.ndarray
    operator: Operator
    bras: tuple[sp.csr_array, ...]

    @classmethod
    def of(
        cls,
        below: Hamiltonian,
        sector: Sector,
        dims: tuple[int, int],
        system: SystemStates,
        *,
        width: float,
        smearing: float,
        vectors: int = 8,
        seed: int = 1,
    ) -> "SmearedEntropy":
        """Shells of ``width`` centred on E_min + m ``width`` of the bath ``below``; at least two random ``vectors``."""
        whole = everything(below.dim)
        bath = Propagator.of(below, whole)
        lowest, highest = bath.scale.centre - bath.scale.halfwidth, bath.scale.centre + bath.scale.halfwidth
        count = int(np.ceil((highest - lowest) / width)) + 1
        if count > MOST:
            raise ImpossibleRequest(f"shell_width = {width:g} makes {count:,} shells of the bath, more than {MOST:,}")
        edges = lowest + width * (np.arange(count + 1) - 0.5)
        coefficients = shell_coefficients(bath, edges, smearing)
        bras = tuple(contraction(phi, whole, sector, dims) for phi in system.vectors.T)
        draft = cls(
            edges=edges, smearing=smearing, samples=np.empty(0), coefficients=coefficients, operator=bath.operator, bras=bras
        )  # fmt: skip
        states = (random_state(sector, np.random.default_rng([seed, number])) for number in range(vectors))
        samples = np.array([sector.dim * draft.probabilities(psi) for psi in states])
        return cls(
            edges=edges, smearing=smearing, samples=samples, coefficients=coefficients, operator=bath.operator, bras=bras
        )  # fmt: skip

    @property
    def volumes(self) -> np.ndarray:
        """V_{a,s} (D_S, S)."""
        return self.samples.mean(axis=0)

    def probabilities(self, psi: np.ndarray) -> np.ndarray:
        """p_{a,s} (D_S, S) of a state (d,)."""
        return np.array([self._of_part(bra @ psi) for bra in self.bras])

    def _of_part(self, part: np.ndarray) -> np.ndarray:
        is_real = self.operator.dtype.kind != "c"
        parts = [part.real, part.imag] if is_real and np.iscomplexobj(part) else [part]
        order = self.coefficients.shape[0]
        mu = sum(
            (moments(self.operator, np.ascontiguousarray(v)[:, None], order)[0] for v in parts if np.any(v)),
            np.zeros(order),
        )
        return np.clip(mu @ self.coefficients, 0, None)

    def entropy(self, p: np.ndarray) -> tuple[float, float]:
        """S = sum p ln(V/p) of ``probabilities`` p (D_S, S), in nats, and its standard error from the volumes."""
        volumes = self.volumes
        held = (p > 1e-14) & (volumes > 0)
        value = float(observational(np.where(held, p, 0).reshape(-1), volumes.reshape(-1)))
        scatter = np.sum(p[held] * (self.samples[:, held] / volumes[held]), axis=-1)
        return value, float(scatter.std(ddof=1) / np.sqrt(scatter.size))


def shell_coefficients(bath: Propagator, edges: np.ndarray, smearing: float) -> np.ndarray:
    """(order, S) of the shells f_s between ``edges`` (S + 1,) in T_n((E - c)/a), by Gauss-Chebyshev quadrature."""
    a, c = bath.scale.halfwidth, bath.scale.centre
    order = 2 * int(np.ceil((SHARPNESS * a / smearing + 40) / 2))
    theta = (np.arange(2 * order) + 0.5) * np.pi / (2 * order)
    steps = erf((c + a * np.cos(theta)[:, None] - edges) / (np.sqrt(2) * smearing)) / 2
    shells = steps[:, :-1] - steps[:, 1:]
    shells[:, 0], shells[:, -1] = 0.5 - steps[:, 1], steps[:, -2] + 0.5  # the outer shells have no outer edge
    n = np.arange(order)
    return np.cos(np.outer(n, theta)) @ shells * np.where(n > 0, 2.0, 1.0)[:, None] / theta.size
