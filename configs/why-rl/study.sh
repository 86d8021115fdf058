#!/usr/bin/env bash
# Does RL pay? From one verbose SFT adapter: RL with the soft budget reward; RL with truncation alone; SFT on the shortest right ones of
# the adapter's own samples, as many as RL draws; and, labelled as what people rarely have, SFT on short gold solutions and RL from there. Generated word
# problems of one to four steps. Finished runs are skipped, broken-off ones resumed, so it can be stopped and started again.
# Results: docs/results/why-rl.md.
#
#   PITH_DEMO_MODEL=….gguf configs/why-rl/study.sh BUILD_FOLDER [SEED…]
set -euo pipefail
[ $# -ge 1 ] && [ -x "$1/pith-train" ] || { echo "study.sh: expected the build folder with pith-train, and seeds (0 1 2 unless said); got '$*'" >&2; exit 2; }
build=$1
shift
seeds=${*:-0 1 2}
out=runs/why-rl
here=configs/why-rl

train() {  # train NAME CONFIG SETTING…
  local name=$1 config=$2 run=$out/$1 how=()
  shift 2
  [ -f "$run/adapter/adapter_config.json" ] && { echo "$run: there"; return; }
  [ -f "$run/config.yaml" ] && how=(--resume)
  local sets=(--set "name=why-rl/$name")
  for setting in "$@"; do sets+=(--set "$setting"); done
  "$build/pith-train" "$here/$config.yaml" "${sets[@]}" "${how[@]}"
}

pack() {
  [ -f "$out/$1.gguf" ] || "$build/pith-export" adapter --adapter "$out/$1/adapter" --base "$PITH_DEMO_MODEL" --type q8_0 --out "$out/$1.gguf"
}

answer() {  # answer NAME OPTION…: 1000 problems that no run has seen
  local folder=$out/evaluations/$1 how=()
  shift
  [ -f "$folder/results.json" ] && { echo "$folder: there"; return; }
  [ -f "$folder/eval.journal" ] && how=(--resume)
  "$build/pith-run" eval --model "$PITH_DEMO_MODEL" "$@" --dataset synthetic --split test --limit 1000 --data-seed 9 --min-steps 1 --max-steps 4 \
    --max-number 20 --distractor-rate 0.1 --budgets none --max-tokens 256 --max-batch 64 --out "$folder" "${how[@]}"
}

rivals="sft self truncation rl short rl-short"
for seed in $seeds; do
  train "sft-$seed" sft "seed=$seed"
  start=init_adapter=$out/sft-$seed/adapter
  train "rl-$seed" rl "seed=$seed" "$start"
  train "self-$seed" self "seed=$seed" "$start" "distill.teacher_adapter=$out/sft-$seed/adapter"
  train "truncation-$seed" truncation "seed=$seed" "$start"
  train "short-$seed" short "seed=$seed" "$start"
  train "rl-short-$seed" rl "seed=$seed" "init_adapter=$out/short-$seed/adapter"
  adapters=()
  for rival in $rivals; do
    pack "$rival-$seed"
    adapters+=(--adapter "$out/$rival-$seed.gguf")
  done
  answer "greedy-$seed" "${adapters[@]}" $([ "$seed" = 0 ] || echo --no-base)
  answer "chains-$seed" "${adapters[@]}" --no-base --chains 8 --temperature 0.7
done
