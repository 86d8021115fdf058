#!/usr/bin/env bash
# The whole loop on the demo model, as ./pith quickstart runs it: SFT, RL, export, evaluation, report; with --compare also a rival
# of equal cost, SFT on short solutions. Training whose inputs (settings, first adapter, base) are as they were is skipped or resumed;
# where they have changed it is done anew.
#
#   configs/quickstart/quickstart.sh BUILD_FOLDER [--compare]
set -euo pipefail
[ -d "${1:-}" ] && [ "${2:---compare}" = --compare ] && [ $# -le 2 ] ||
  { echo "quickstart.sh: expected the build folder and at most --compare; got '$*'" >&2; exit 2; }
build=$1
out=runs/quickstart
started=$SECONDS

clock() { printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); }
step() { printf '\n\033[1m%s\033[0m  (%s so far)\n' "$1" "$(clock $((SECONDS - started)))"; }

train() {  # train NAME [START]: configs/quickstart/NAME.yaml, from START's adapter, to runs/quickstart/NAME/adapter
  local how=() begun=$SECONDS inputs
  inputs=$(cat "configs/quickstart/$1.yaml" ${2:+"$out/$2/adapter/adapter_model.safetensors"} "$PITH_DEMO_MODEL" | sha256sum)
  if [ -d "$out/$1" ]; then
    if [ "$(cat "$out/$1.inputs" 2>/dev/null)" != "$inputs" ]; then
      echo "$out/$1 was made from other settings, another adapter or another base: trained anew"
      how=(--overwrite)
    elif [ -f "$out/$1/adapter/adapter_config.json" ]; then
      echo "$out/$1/adapter is there: skipped"
      return
    elif [ -f "$out/$1/config.yaml" ]; then
      how=(--resume)
    fi
  fi
  mkdir -p "$out"
  echo "$inputs" >"$out/$1.inputs"
  "$build/pith-train" "configs/quickstart/$1.yaml" "${how[@]}"
  echo "$1: trained in $(clock $((SECONDS - begun)))"
}

export_adapter() {  # export_adapter RUN TYPE NAME: to be evaluated
  "$build/pith-export" adapter --adapter "$out/$1/adapter" --base "$PITH_DEMO_MODEL" --type "$2" --out "$out/$3.gguf"
  adapters+=(--adapter "$out/$3.gguf")
}

step "1/5  SFT on worked solutions of varying length"
train sft
step "2/5  RL: right answers pay, long ones pay less"
train rl sft
step "3/5  exporting the adapters"
adapters=()
export_adapter sft q8_0 sft
export_adapter rl q8_0 rl-q8_0
export_adapter rl q4_0 rl-q4_0
if [ "${2:-}" = --compare ]; then
  step "     for comparison, the SFT adapter trained on with short solutions, for what RL costs"
  train sft-short sft
  export_adapter sft-short q8_0 sft-short
fi
step "4/5  evaluating on 500 problems that neither training nor the choice of these settings has seen"
"$build/pith-run" eval --model "$PITH_DEMO_MODEL" "${adapters[@]}" --dataset synthetic --split test --limit 500 --data-seed 8 \
  --min-steps 1 --max-steps 2 --max-number 20 --distractor-rate 0.1 --budgets 32,64,96,none --reserve 16 --max-tokens 256 --max-batch 64 --out "$out" --overwrite
step "5/5  done"
echo "Try the adapter: ./pith run generate --model demo --adapter $out/rl-q8_0.gguf --prompt \"Tom has 3 boxes of 12 pens and gives away 5. How many pens are left?\""
