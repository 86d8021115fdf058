#!/usr/bin/env python3
"""Golden tokens of the assistant's turns in conversations, by transformers' apply_chat_template.

    python tests/tools/turns_golden.py --model tests/golden/tiny-llama --out tests/golden/data/turns.json

For each turn of the assistant: the ids of its prompt (the conversation before it, with the generation prompt), and the ids that are said behind it. Where the
template marks what the assistant says ({% generation %}), these are the masked tokens of the whole conversation (return_assistant_tokens_mask); else those by which
the conversation up to the turn is longer than the prompt, to the end of the turn. Templates are written for this test.
"""
import argparse
import json

import transformers

OPEN = "{{ '<|im_start|>' + m['role'] + '\n' }}"
MARKED = ("{% for m in messages %}{% if m['role'] == 'assistant' %}{{ '<|im_start|>assistant\n' }}{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
          "{% else %}" + OPEN + "{{ m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
TRIMMED = MARKED.replace("{% generation %}", "").replace("{% endgeneration %}", "").replace("m['content'] + '<|im_end|>'", "m['content'] | trim + '<|im_end|>'")
# Thoughts of turns before the last question are rendered away, and a last turn without thoughts is given empty ones.
THINKING = ("{% set ns = namespace(last=0) %}{% for m in messages %}{% if m['role'] == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
            "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ '<|im_start|>assistant\n' }}{% set said = m['content'] %}{% set thought = '' %}"
            "{% if '</think>' in said %}{% set thought = said.split('</think>')[0].split('<think>')[-1].strip('\n') %}{% set said = said.split('</think>')[-1].lstrip('\n') %}{% endif %}"
            "{% if loop.index0 > ns.last %}{{ '<think>\n' + thought + '\n</think>\n\n' }}{% endif %}{{ said + '<|im_end|>\n' }}"
            "{% else %}" + OPEN + "{{ m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")

SUMS = [{"role": "system", "content": "You add."}, {"role": "user", "content": "What is 2 + 3?"}, {"role": "assistant", "content": "2 + 3 = 5"},
        {"role": "user", "content": "And 7 more?"}, {"role": "assistant", "content": "5 + 7 = 12, so it is 12."}, {"role": "user", "content": "Thanks"}]
TOOLS = [{"role": "user", "content": "How warm is it?"}, {"role": "assistant", "content": "call: weather"}, {"role": "tool", "content": "{\"t\": 21}"},
         {"role": "assistant", "content": "It is 21 degrees."}]
SPACED = [{"role": "user", "content": " Hello "}, {"role": "assistant", "content": "  Hello back \n"}, {"role": "user", "content": "x"}, {"role": "assistant", "content": "é 😀"}]
THOUGHTS = [{"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": "<think>\nTwo and three.\n</think>\n\n5"}, {"role": "user", "content": "Times 2?"},
            {"role": "assistant", "content": "<think>\nFive twice.\n</think>\n\n10"}, {"role": "user", "content": "Plus 1?"}, {"role": "assistant", "content": "11"}]
CASES = [("marked", MARKED, c) for c in (SUMS, TOOLS, SPACED)] + [("trimmed", TRIMMED, c) for c in (SUMS, SPACED)] + [("thinking", THINKING, c) for c in (SUMS, THOUGHTS)]


def ids_of(tokenizer, messages, **more):
    return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, **more)


def turns(tokenizer, template, messages):
    tokenizer.chat_template = template
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    marked = "{% generation %}" in template
    whole = ids_of(tokenizer, messages, return_assistant_tokens_mask=True) if marked else None
    for k, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = ids_of(tokenizer, messages[:k], add_generation_prompt=True)["input_ids"]
        if marked:
            assert whole["input_ids"][:len(prompt)] == prompt
            stop = len(prompt)
            while stop < len(whole["input_ids"]) and whole["assistant_masks"][stop]:
                stop += 1
            said = whole["input_ids"][len(prompt):stop]
        else:
            until = ids_of(tokenizer, messages[:k + 1])["input_ids"]
            assert until[:len(prompt)] == prompt
            said = until[len(prompt):]
            said = said[:len(said) - said[::-1].index(end)]
        assert said[-1] == end
        yield {"message": k, "prompt": prompt, "said": said}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    cases = [{"name": name, "template": template, "messages": messages, "turns": list(turns(tokenizer, template, messages))} for name, template, messages in CASES]
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    with open(args.out, "w") as f:
        f.write("{\"transformers\": %s, \"cases\": [\n%s\n]}\n" % (json.dumps(transformers.__version__), lines))


if __name__ == "__main__":
    main()
