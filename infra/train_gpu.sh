#!/bin/sh
# The complete recipe on one GPU: infra/train_gpu.sh DATA.pack OUT [NAME=VALUE ...]
#
# Write DATA.pack first, at most 60 MB:
#   davy simulator scenes scenes --seeds 100-299 --frames 3
#   davy train pack-data --normal photographs --scenes scenes --out DATA.pack --max-mb 58
# It trains for six minutes, about seven with reading and export; a second call resumes a stopped run.
# OUT holds ispcnn.onnx, ispcnn.safetensors, checkpoint.safetensors and log.jsonl, together under 16 MB.
# A trial on a CPU: infra/train_gpu.sh DATA.pack OUT steps=3 batch=4
set -eu

data=${1:?the packed data file} out=${2:?the folder for weights and logs}
shift 2
words=""
for word in "$@"; do words="$words --set $word"; done
python=${PYTHON:-python}

if [ -e "$out/checkpoint.safetensors" ]; then
	# shellcheck disable=SC2086
	"$python" -m davy train base --out "$out" --data "$data" --resume $words
else
	# shellcheck disable=SC2086
	"$python" -m davy train base --out "$out" --data "$data" --preset gpu $words
fi
rm -rf "$out/tensorboard"
du -sk "$out"
