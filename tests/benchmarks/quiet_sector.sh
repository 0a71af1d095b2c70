#!/bin/sh
# The sector problem of docs/performance.md on a quiet machine, about 15 minutes:
#   tests/benchmarks/quiet_sector.sh PYTHON OUT [PYTHON-WITH-QMBED PYTHON-WITH-PYDACP]
# Each step appends to OUT/sector.jsonl or OUT/*.txt at once; started again, it repeats only what is missing there.
set -u
python=$1 out=$2 rust=${3:-} dacp=${4:-} here=$(dirname "$0")
mkdir -p "$out"
states() {
    "$python" "$here/magnetisation.py" --json "$out/sector.jsonl" ${rust:+--rust-python "$rust"} ${dacp:+--dacp-python "$dacp"} "$@"
}
ensemble() {  # FILE ARGUMENTS ...
    file=$out/$1; shift
    [ -s "$file" ] || "$python" "$here/ensemble.py" "$@" | tee "$file"
}
filter="bigbath filter" mumps="SLEPc + MUMPS"
for L in 14 16 18 20; do  # the compiler's time, once
    "$python" "$here/magnetisation.py" --L "$L" --W 1 --k 4 --engines "$filter" --limit 20 > /dev/null
done
states --L 16 18 --W 1 --limit 120 --repeat 3 --engines "$filter"
states --L 16 18 --W 5 --limit 120 --engines "$filter"
states --L 16 18 --W 1 --limit 120 --engines "$mumps"
ensemble job.txt job
ensemble densities.txt densities
ensemble medians.txt medians
states --L 14 --W 1 --limit 30
states --L 16 --W 1 --limit 60 --engines "bigbath shift-invert" "quimb, SLEPc backend" "SciPy eigsh(sigma)" "QuSpin eigsh(sigma)"
states --L 20 --W 1 5 --limit 300 --engines "$filter"
"$python" "$here/magnetisation.py" --table "$out/sector.jsonl" | tee "$out/sector.md"
