#!/bin/bash
# Gap ratio and entanglement of the Imbrie chain: the array, and the merge when all its members have ended.   bash mpi_jobs/submit_array.sh
set -euo pipefail
array=$(sbatch --parsable mpi_jobs/array.sbatch)
merge=$(sbatch --parsable --dependency=afterany:"$array" mpi_jobs/merge.sbatch)
echo "array $array, merge $merge"
