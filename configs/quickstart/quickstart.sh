#!/usr/bin/env bash
# The whole loop on the demo model, as ./pith quickstart runs it: SFT, RL, an SFT-on-short-solutions rival of equal cost,
# export, evaluation, report. A step whose result is there already is skipped, a broken-off one is resumed.
#
#   configs/quickstart/quickstart.sh BUILD_FOLDER
set -euo pipefail
[ $# -eq 1 ] && [ -d "$1" ] || { echo "quickstart.sh: expected one argument, the build folder; got '$*'" >&2; exit 2; }
build=$1
out=runs/quickstart
started=$SECONDS

step() { printf '\n\033[1m%s\033[0m  (%d min %02d s so far)\n' "$1" $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)); }

train() {  # train NAME: from configs/quickstart/NAME.yaml to runs/quickstart/NAME/adapter
  if [ -f "$out/$1/adapter/adapter_config.json" ]; then
    echo "$out/$1/adapter is there: skipped"
  elif [ -d "$out/$1" ]; then
    "$build/pith-train" "configs/quickstart/$1.yaml" --resume
  else
    "$build/pith-train" "configs/quickstart/$1.yaml"
  fi
}

export_adapter() {  # export_adapter RUN TYPE NAME
  "$build/pith-export" adapter --adapter "$out/$1/adapter" --base "$PITH_DEMO_MODEL" --type "$2" --out "$out/$3.gguf"
}

step "1/6  SFT on worked solutions of varying length"
train sft
step "2/6  RL: right answers pay, long ones pay less"
train rl
step "3/6  for comparison, the SFT adapter trained on with short solutions, for about what RL costs"
train sft-short
step "4/6  exporting the adapters"
export_adapter sft q8_0 sft
export_adapter sft-short q8_0 sft-short
export_adapter rl q8_0 rl-q8_0
export_adapter rl q4_0 rl-q4_0
step "5/6  evaluating on 500 problems that training never saw"
"$build/pith-run" eval --model "$PITH_DEMO_MODEL" --adapter "$out/sft.gguf" --adapter "$out/sft-short.gguf" \
  --adapter "$out/rl-q8_0.gguf" --adapter "$out/rl-q4_0.gguf" --dataset synthetic --split test --limit 500 --data-seed 7 \
  --min-steps 1 --max-steps 2 --max-number 20 --distractor-rate 0.1 --budgets 32,64,96,none --reserve 16 --max-tokens 256 --max-batch 64 --out "$out"
step "6/6  done"
echo "Try the adapter: ./pith run generate --model demo --adapter $out/rl-q8_0.gguf --prompt \"Tom has 3 boxes of 12 pens and gives away 5. How many pens are left?\""
