"""Do PEFT and llama.cpp load the kinds of adapters that pith trains, and compute the same? By hand, outside CTest.

    python tests/tools/adapters_check.py BUILD_FOLDER [tests/golden]

Needs llama-cpp-python, transformers and peft. Trains a few steps on tiny-llama with rank and alpha patterns (plain and rsLoRA), from a PiSSA
start, and as a DoRA; then prints the largest absolute differences of logits: PEFT's against those of pith-train logits, llama.cpp's (GGUF
adapter on the converted base; the fused file for DoRA) against PEFT's.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from llamacpp_check import Model, quiet

KINDS = {
    "patterns": "{rank: 4, alpha: 6, activation: always, rank_pattern: {down_proj: 32, 'layers\\.1\\.self_attn\\.[qk]_proj': 2}, "
                "alpha_pattern: {v_proj: 5}}",
    "rslora": "{rank: 4, alpha: 3, rslora: true, activation: always, rank_pattern: {down_proj: 8}, alpha_pattern: {o_proj: 2}}",
    "pissa": "{rank: 4, alpha: 6, activation: always, init: pissa, rank_pattern: {down_proj: 6}}",
    "dora": "{rank: 4, alpha: 6, activation: always, dora: true}",
}
IDS = [203, 148, 258, 91, 54, 233, 290, 299, 141, 50, 234, 270, 183, 105]


def main(build, golden):
    keep = quiet()
    golden = os.path.abspath(golden)
    base = os.path.join(golden, "tiny-llama")

    def run(program, *args):
        done = subprocess.run([os.path.join(build, program), *args], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder + "/cache"
        at = lambda name: os.path.join(folder, name)
        with open(at("sums.jsonl"), "w") as f:
            for i in range(12):
                f.write(json.dumps({"question": f"Tom has {i} apples and buys 4 more.", "answer": str(i + 4), "solution": f"{i} + 4\n#### {i + 4}"}) + "\n")
        run("pith-export", "convert", "--base", base, "--type", "f32", "--out", at("base.gguf"))
        llama = Model(at("base.gguf"))
        for kind, adapter in KINDS.items():
            with open(at("run.yaml"), "w") as f:
                f.write(f"stage: sft\nfolder: {at(kind)}\nmodel: {{path: {at('base.gguf')}, dtype: float32}}\nadapter: {adapter}\n"
                        f"data: {{dataset: {at('sums.jsonl')}}}\nsft: {{epochs: 4, batch_size: 4}}\noptimizer: {{learning_rate: 0.01}}\n")
            run("pith-train", at("run.yaml"))
            peft_folder = at(kind) + "/adapter"
            pith = np.array(json.loads(run("pith-train", "logits", "--model", at("base.gguf"), "--adapter", peft_folder, "--ids", ",".join(map(str, IDS))))["logits"])
            with torch.no_grad():
                plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
                bare = plain(input_ids=torch.tensor([IDS])).logits[0].numpy()
                model = PeftModel.from_pretrained(plain, peft_folder).eval()
                theirs = model(input_ids=torch.tensor([IDS])).logits[0].numpy()
            line = f"{kind:9} moved {np.abs(theirs - bare).max():.2f}, PEFT {np.abs(theirs - pith).max():.1e}"
            if kind == "dora":
                run("pith-export", "fuse", "--adapter", peft_folder, "--base", at("base.gguf"), "--type", "f32", "--out", at("fused.gguf"))
                line += f", fused in llama.cpp {np.abs(Model(at('fused.gguf')).logits(IDS) - theirs).max():.1e}"
            else:
                for type in ("f32", "f16", "q8_0", "q4_0"):
                    run("pith-export", "adapter", "--adapter", peft_folder, "--base", at("base.gguf"), "--type", type, "--out", at("a.gguf"))
                    line += f", llama.cpp {type} {np.abs(llama.logits(IDS, llama.adapter(at('a.gguf'))) - theirs).max():.1e}"
            print(line, flush=True)
            # And back: what PEFT writes of it.
            model.save_pretrained(at(kind) + "/peft")
            again = np.array(json.loads(run("pith-train", "logits", "--model", at("base.gguf"), "--adapter", at(kind) + "/peft", "--ids", ",".join(map(str, IDS))))["logits"])
            assert np.abs(again - pith).max() < 1e-6, kind


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "tests/golden")
