#!/bin/bash
# Gap ratio and entanglement of the Imbrie chain: all cores of one machine, without a batch system.   bash mpi_jobs/one_node.sh
# Stopped or killed? The same command goes on where it was.
set -euo pipefail
export OMP_NUM_THREADS=1                  # one thread a rank: disorder realizations are independent
export PMIX_MCA_gds=hash                  # PMIx 4.2's shared-memory store can hang mpirun when a rank is killed
mpirun -n "${RANKS:-$(nproc)}" bigbath run mpi_jobs/example.toml -o example.h5
