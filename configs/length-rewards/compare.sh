#!/usr/bin/env bash
# Rewards of length at equal cost: the quickstart's task, steps and samples, three seeds each, then one evaluation of all on
# problems of a seed that nothing was tuned on. Finished runs are skipped, broken-off ones resumed. Wants the quickstart's SFT adapter.
# Results: docs/results/length-rewards.md.
#
#   PITH_DEMO_MODEL=….gguf configs/length-rewards/compare.sh BUILD_FOLDER
set -euo pipefail
[ $# -eq 1 ] && [ -x "$1/pith-train" ] || { echo "compare.sh: expected one argument, the build folder with pith-train; got '$*'" >&2; exit 2; }
build=$1
out=runs/length-rewards
seeds="0 1 2"
[ -f runs/quickstart/sft/adapter/adapter_config.json ] || { echo "compare.sh: runs/quickstart/sft/adapter is not there; run ./pith quickstart first" >&2; exit 2; }

# NAME SETTING…; the weights come from the papers, scaled to a budget of 64 tokens as docs/length-rewards.md says; none was tuned here,
# except budget's, whose 64 tokens and window are the quickstart's.
rewards=(
  "correct"
  "budget budget.tokens=64 budget.window=0.4 reward.times=[budget]"
  "l1_max budget.tokens=64 reward.times=[{kind:l1_max,alpha:0.008,delta:0.5}]"
  "kimi_k15 reward.plus=[{kind:kimi_k15,weight:0.5}]"
  "sigmoid reward.times=[{kind:sigmoid,alpha:0.2}]"
  "shorter_better reward.plus=[{kind:shorter_better,weight:0.005}]"
  "truncation reward.times=[{kind:truncation,limit_tokens:64}]"
  "alp reward.plus=[{kind:alp,weight:0.5}]"
  "laser_d reward.plus=[{kind:laser_d,weight:0.5}]"
)

train() {  # train SEED NAME SETTING…
  local seed=$1 name=$2 how=() sets=()
  shift 2
  local run=$out/$name-$seed
  [ -f "$run/adapter/adapter_config.json" ] && { echo "$run: there"; return; }
  [ -f "$run/config.yaml" ] && how=(--resume)
  for setting in "$@"; do sets+=(--set "${setting//:/: }"); done
  "$build/pith-train" configs/length-rewards/rl.yaml --set name="length-rewards/$name-$seed" --set seed="$seed" "${sets[@]}" "${how[@]}"
}

adapters=()
for seed in $seeds; do
  for reward in "${rewards[@]}"; do
    read -ra words <<<"$reward"
    name=${words[0]}
    train "$seed" "$name" "${words[@]:1}"
    packed=$out/$name-$seed.gguf
    [ -f "$packed" ] || "$build/pith-export" adapter --adapter "$out/$name-$seed/adapter" --base "$PITH_DEMO_MODEL" --type q8_0 --out "$packed"
    adapters+=(--adapter "$packed")
  done
done
"$build/pith-run" eval --model "$PITH_DEMO_MODEL" --adapter runs/quickstart/sft.gguf "${adapters[@]}" --no-base --dataset synthetic --split test \
  --limit 1000 --data-seed 9 --min-steps 1 --max-steps 2 --max-number 20 --distractor-rate 0.1 --budgets none --max-tokens 256 \
  --max-batch 64 --out "$out/evaluation" --overwrite
