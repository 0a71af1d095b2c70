#!/bin/bash
# Gap ratio and entanglement of the Imbrie chain: the array, and the merge when all its members have ended.   bash submit_array.sh
set -euo pipefail
cd "$(dirname "$0")"
array=$(sbatch --parsable array.sbatch)
merge=$(sbatch --parsable --dependency=afterany:"$array" merge.sbatch)
echo "array $array, merge $merge"
