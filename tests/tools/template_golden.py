#!/usr/bin/env python3
"""Golden renderings of chat templates, by jinja2 as transformers configures it.

    python tests/tools/template_golden.py --model SmolLM2.gguf --templates DIR --out tests/golden/data

writes templates.json: small templates with their source, and conversations through the real templates (the demo
model's, and the *.jinja files in DIR, by name). The clock is pinned. "error": true where jinja2 refuses.
"""
import argparse
import datetime
import json
import os

import gguf
import jinja2
import transformers
from transformers.utils import chat_template_utils

NOW = "2024-07-26T09:05:03"


class PinnedDatetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromisoformat(NOW)


USER = {"role": "user", "content": "What is 2+3?"}
SYSTEM = {"role": "system", "content": "  Be brief.\n"}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a \"city\" – <now> & 'then'",
          "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1.5}}, "required": ["city"]}}},
         {"type": "function", "function": {"name": "nothing", "parameters": {}}}]
CALL = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Köln", "days": 2, "exact": None, "ok": True}}}]}
CONVERSATIONS = [
    {"messages": [USER]},
    {"messages": [USER], "gen": True},
    {"messages": [SYSTEM, USER], "gen": True},
    {"messages": [SYSTEM, USER, {"role": "assistant", "content": " 5 "}, {"role": "user", "content": "  And\n\t7 × 8?  \n"}], "gen": True},
    {"messages": [USER, {"role": "assistant", "content": "5"}]},
    {"messages": [{"role": "user", "content": ""}], "gen": True},
    {"messages": [{"role": "user", "content": "{{ 7*7 }} {% raw %} <|im_end|> é 😀 \u2028"}], "gen": True},
    {"messages": [SYSTEM, USER], "tools": TOOLS, "gen": True},
    {"messages": [USER, CALL, {"role": "tool", "content": "{\"t\": 21}"}, {"role": "tool", "content": "x"}], "tools": TOOLS, "gen": True},
    {"messages": [USER, CALL, {"role": "tool", "content": {"t": [1, 2.0, 1e22]}}], "gen": True},
    {"messages": [USER], "kwargs": {"date_string": "1 Jan 2000", "custom_tools": TOOLS, "tools_in_user_message": False}, "gen": True},
    {"messages": []},
]

DATA = {"a": 1, "b": [3, 1, 2], "s": "Hello, Wörld", "d": {"x": 1, "y": {"z": [10, 20]}}, "t": True, "n": None, "f": 2.5, "words": "a,b,,c",
        "people": [{"name": "Zoe", "age": 3, "tag": {"k": 1}}, {"name": "adam", "age": 30}, {"name": "Bo", "age": 7}]}

SNIPPETS = [
    # whitespace control
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}\n  b\n  {% endif %}\nc", "a\n  {%+ if true %} b {%+ endif %}\n", "a {%- if true -%}  b  {%- endif -%} c",
    "x\n{# comment #}\ny\n   {# c #}\n  z {#- d -#} w", "{{ 1 }}\n{{ 2 }}\n", "  {{- 1 -}}  \n x", "  {% set x = 1 %}  {{ x }}", "a\n\n{%- set x = 1 %}\n\nb", "{% if true +%}\nx{% endif %}",
    "{% raw %}{{ x }} {% if %}{% endraw %}!", "a\n  {% raw %}\n y {% endraw %}\nb", "a {%- raw -%}  y  {%- endraw -%}  b", "x\r\ny\rz", "x\n\n", "\n", "", "\t{% if true %}\tx{% endif %}", "{% if true %}{% if true %}\n  {% endif %}{% endif %}x",
    "{{ '%}' }}{{ \"}}\" }}{% set x = '%}' %}{{ x }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': {}} }}", "{#\n a\n#}\n\nx", "a{#- x #}\nb", "{%- for i in [1,2] %}\n  {{ i }}\n{%- endfor %}\nend",
    # expressions
    "{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}", "{{ 1 ~ 'a' ~ none ~ true ~ 1.0 }}", "{{ 'a' * 3 }}{{ [1] * 2 }}{{ [1] + [2] }}{{ (1,) + (2, 3) }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ [1,2] < [1,3] }} {{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }} {{ none == false }}", "{{ 2 in b }} {{ 5 not in b }} {{ 'ell' in s }} {{ 'x' in d }} {{ 'q' in d }} {{ 1 in missing }}",
    "{{ not a }} {{ not missing }} {{ a and n }} {{ n or 'z' }} {{ 0 or '' or 'c' }} {{ not a == 2 }}", "{{ 'yes' if t else 'no' }} {{ 'yes' if n }}| {{ 1 if false else 2 if false else 3 }}", "{{ -a }} {{ +a }} {{ -a|abs }} {{ (-a)|abs }} {{ - 3 }} {{ 2 - -3 }} {{ -2 ** 2 }}",
    "{{ b[0] }} {{ b[-1] }} {{ b[5] }}| {{ b[1:] }} {{ b[:-1] }} {{ b[::2] }} {{ b[::-1] }} {{ s[1:4] }} {{ s[-5:] }} {{ s[::-1] }} {{ s[7] }} {{ s[100:] }}| {{ b[-100:100] }} {{ b[2:0:-1] }}",
    "{{ d.x }} {{ d['x'] }} {{ d.y.z[1] }} {{ d.missing }}| {{ d['missing'] }}| {{ d.y.z.0 }} {{ people[0].name }} {{ people.0.name }}", "{{ missing }}|{{ missing is defined }} {{ a is defined }} {{ d.q is defined }} {{ missing is undefined }}", "{{ d }} {{ b }} {{ (1, 'x') }} {{ (1,) }} {{ () }} {{ [] }} {{ {} }} {{ n }} {{ t }} {{ f }} {{ [1.0, none, 'it\\'s', \"q\\\"q\", 'both\\'\"'] }}",
    "{{ 1e3 }} {{ 1.5e-7 }} {{ 1e16 }} {{ 123456789.125 }} {{ 0.1 + 0.2 }} {{ 1/3 }} {{ 1_000 }} {{ 1e22 }} {{ 100000000000000000.0 }} {{ 5.0 }} {{ -0.0001 }} {{ 0.00001 }}", "{{ 'a' 'b' \"c\" }} {{ 'x\\ny\\t\\\\ \\x41 \\u00e9 \\U0001F600 \\q \\101' }}", "{{ [1, 2,] }} {{ {'a': 1,} }} {{ (1, 2,) }}",
    "{{ 'a' ~ 1 + 2 }}", "{{ 10 - 2 - 3 }} {{ 2 ** 3 ** 2 }} {{ 100 / 10 / 2 }}", "{{ 'a' if missing is defined else 'b' }}", "{{ (1, 2)[0] }} {{ [1, 2][1] }} {{ 'abc'[1] }} {{ 'x'.upper() }} {{ 'a,b'.split(',')[1] }}", "{{ true and false or true }} {{ True }} {{ None }} {{ False }}",
    "{{ '%s is %d and %.2f%%' % ('x', 3, 2.5) }} {{ '%s' % 'y' }} {{ '%05d|%-4d|%+d' % (42, 7, 3) }} {{ '%s-%s'|format('a', 'b') }}", "{{ 'a{}b{}'.format(1, 'x') }} {{ '{0}{1}{0}'.format('p', 'q') }} {{ '{n}{{}}'.format(n=3) }}",
    # statements
    "{% for x in b %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }};{% endfor %}", "{% for x in [] %}x{% else %}none{% endfor %} {% for x in b if x > 1 %}{{ x }}/{{ loop.length }} {% else %}no{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'aé' %}[{{ c }}]{% endfor %}{% for x in missing %}q{% endfor %}", "{% for x in b %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% endfor %}", "{% for x in b %}{{ loop.cycle('o', 'e') }}{{ loop.changed(x > 1) }}{% endfor %}",
    "{% for x in b %}{% for y in b %}{{ loop.index }}{{ loop.depth0 }}{% endfor %}{{ loop.index }}{% endfor %}", "{% set x = 1 %}{% for i in b %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "{% set ns = namespace(x=1, found=false) %}{% for i in b %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.found }}{{ ns.q is defined }}",
    "{% set a, c = 5, 6 %}{{ a }}{{ c }} {% set q = 1, 2 %}{{ q }}", "{% set x %}hi {{ a }}{% endset %}[{{ x }}] {% set y | upper | trim %} low {% endset %}[{{ y }}]", "{% if a == 2 %}2{% elif a == 1 %}1{% else %}0{% endif %}{% if n %}n{% endif %}{% if b and d %}ok{% endif %}{% if 1, %}tuple{% endif %}",
    "{% macro m(x, y='d', z=none) %}<{{ x }}|{{ y }}|{{ z }}>{% endmacro %}{{ m(1) }}{{ m(1, 2, 3) }}{{ m(y=5, x=4) }}{{ m() }}", "{% macro rec(n) %}{{ n }}{% if n > 0 %}{{ rec(n - 1) }}{% endif %}{% endmacro %}{{ rec(4) }}", "{% macro outer() %}{{ late }}{% endmacro %}{% set late = 'L' %}{{ outer() }}",
    "{% macro w(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call w('b') %}in{{ a }}{% endcall %}{% macro l(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(v) l(b) %}[{{ v }}]{% endcall %}", "{% filter upper %}abc{{ s }}{% endfilter %} {% filter replace('a', 'b')|upper %}aaa{% endfilter %}", "{% with x = 5, y = a %}{{ x }}{{ y }}{% set a = 9 %}{% endwith %}{{ a }}{{ x }}",
    "{% generation %}gen {{ a }}{% endgeneration %}!", "{% if true %}{% set inner = 3 %}{% endif %}{{ inner }}", "{% for i in range(3) %}{{ i }}{% endfor %} {{ range(5)|list }} {{ range(2, 8, 3)|list }} {{ range(3, 0, -1)|list }}", "{{ dict(a=1, b='x') }} {{ dict(d, x=5).x }}", "{% for x in b %}{% set loop_x = x %}{% endfor %}{{ loop_x is defined }}",
    "{% for m in people if m.age > 5 %}{% if not loop.last %}{{ m.name }}, {% else %}{{ m.name }}.{% endif %}{% endfor %}", "{% set ns = namespace() %}{% set ns.list = [] %}{% for x in b %}{% set ns.list = ns.list + [x] %}{% endfor %}{{ ns.list }}",
    # filters
    "{{ s|length }} {{ b|count }} {{ d|length }} {{ missing|length }} {{ '  x '|trim }}| {{ 'xxaxx'|trim('x') }} {{ s|upper }} {{ s|lower }} {{ 'hello wORLD foo-bar (baz)'|title }} {{ 'hELLO'|capitalize }} {{ 'straße'|upper }}",
    "{{ b|join(',') }} {{ b|join }} {{ people|join(', ', attribute='name') }} {{ b|first }} {{ b|last }} {{ [] |first }}| {{ 'abc'|first }} {{ b|sort }} {{ b|sort(reverse=true) }} {{ b|reverse|list }} {{ 'abc'|reverse }} {{ b|max }} {{ b|min }} {{ b|sum }}",
    "{{ missing|default('d') }} {{ n|default('d') }} {{ n|default('d', true) }} {{ ''|d('e', boolean=true) }} {{ a|default(9) }}", "{{ s|replace('l', 'L') }} {{ s|replace('l', 'L', 1) }} {{ 'aaa'|replace('', '-') }} {{ 5|string + 'x' }} {{ 'abc'|list }} {{ 42.55|round }} {{ 42.55|round(1, 'floor') }} {{ 2.5|round }} {{ 3.14159|round(2) }} {{ 7|round }}",
    "{{ '42'|int }} {{ '4.7'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ 3.9|int }} {{ '3.5'|float }} {{ 'q'|float }} {{ true|int }} {{ ' 7 '|int }} {{ -5|abs }}", "{{ people|map(attribute='name')|list }} {{ people|map(attribute='tag.k', default='-')|list }} {{ ['a', 'b']|map('upper')|join }} {{ ['a ', ' b']|map('trim')|list }} {{ ['a']|map('replace', 'a', 'c')|list }}",
    "{{ b|select('greaterthan', 1)|list }} {{ b|select('odd')|list }} {{ b|reject('odd')|list }} {{ [0, 1, '', 'x']|select|list }} {{ people|selectattr('age', 'gt', 5)|map(attribute='name')|list }} {{ people|rejectattr('tag')|map(attribute='name')|list }} {{ people|selectattr('tag')|list|length }} {{ people|selectattr('name', 'equalto', 'Bo')|first }} {{ people|selectattr('tag', 'defined')|list|length }}",
    "{{ people|sort(attribute='name')|map(attribute='name')|join(' ') }} {{ people|sort(attribute='age', reverse=true)|map(attribute='age')|list }} {{ ['b', 'A', 'c']|sort }} {{ ['b', 'A', 'c']|sort(case_sensitive=true) }} {{ ['b', 'B', 'a']|unique|list }} {{ d|dictsort }} {{ {'b': 1, 'A': 0}|dictsort }} {{ {'b': 1, 'A': 2}|dictsort(by='value') }} {{ d|items|list }}",
    "{{ d|tojson }} {{ d|tojson(indent=2) }} {{ s|tojson }} {{ [1, 2.0, none, true, 'a\"b\\n<&>\\u0001']|tojson }} {{ {}|tojson }} {{ []|tojson(indent=4) }} {{ 'é😀'|tojson(ensure_ascii=true) }} {{ {'b': 1, 'a': 2}|tojson(sort_keys=true) }} {{ [1, {'a': 2}]|tojson(separators=(',', ':')) }} {{ {'a': [1, {'b': []}]}|tojson(indent=1) }}",
    "{{ 'a\\nb\\n\\nc'|indent }} {{ 'a\\nb'|indent(2, true) }} {{ 'a\\n\\nb'|indent(1, blank=true) }} {{ 'x\\ny'|indent('> ') }} {{ 'x\\n'|indent(2) }}|", "{{ '<a href=\"x\">&\\''|e }} {{ '<b>'|safe }} {{ [1, 2, 3, 4, 5]|batch(2)|list }} {{ [1, 2, 3]|batch(2, 0)|list }} {% for k, v in people|groupby('age') %}{{ k }}:{{ v|length }} {% endfor %}", "{{ people|sum(attribute='age') }} {{ people|map(attribute='age')|max }} {{ people|max(attribute='age') }}",
    # tests
    "{{ 1 is odd }} {{ 2 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ s is string }} {{ a is number }} {{ f is float }} {{ a is integer }} {{ t is integer }} {{ t is boolean }} {{ t is true }} {{ a is true }} {{ n is none }} {{ d is mapping }} {{ b is mapping }} {{ b is iterable }} {{ s is iterable }} {{ a is iterable }} {{ b is sequence }} {{ d is sequence }} {{ a is sequence }}",
    "{{ a is eq 1 }} {{ a is ne(1) }} {{ a is in b }} {{ a is not in [2] }} {{ a is sameas 1 }} {{ 'ABC' is upper }} {{ 'abc' is lower }} {{ 'x' is not defined }} {{ range is callable }} {{ missing is iterable }} {{ missing is none }} {{ missing is string }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ strftime_now is defined }} {{ a is not none and t is defined }}",
    # string methods
    "{{ ' x '.strip() }}|{{ 'xxa'.lstrip('x') }} {{ 'axx'.rstrip('x') }} {{ words.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a b c'.rsplit(' ', 1) }} {{ ' a b  c '.rsplit(none, 1) }} {{ 'a  b c'.split(none, 1) }} {{ 'a\\nb\\r\\nc\\n'.splitlines() }}",
    "{{ s.startswith('He') }} {{ s.endswith(('x', 'd')) }} {{ s.find('W') }} {{ s.rfind('l') }} {{ s.find('zz') }} {{ s.index('W') }} {{ s.count('l') }} {{ s.replace('l', 'L', 1) }} {{ s.upper() }} {{ s.title() }} {{ \"it's a o'neil\".title() }} {{ s.capitalize() }} {{ '-'.join(['a', 'b']) }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'ab1'.isalnum() }} {{ 'é'.isalpha() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'prefix'.removeprefix('pre') }} {{ 'prefix'.removesuffix('fix') }}",
    "{{ d.get('x') }} {{ d.get('q') }} {{ d.get('q', 'dd') }} {{ d.keys()|list }} {{ d.values()|list }} {{ b.index(2) }} {{ b.count(3) }} {{ d.items()|list }} {{ d.items is defined }} {{ 'abc'.upper is callable }}", "{{ 'a</think>b'.split('</think>')[-1].lstrip('\\n') }} {{ ('a' ~ 'b').upper() }} {{ 'x' in 'xyz' and 'q' not in 'xyz' }}",
    "{{ '%5s|%-5s|%.2s|%5.1s|%r|%8r' % ('ab', 'ab', 'abc', 'xyz', 'q', 'é') }}", "{{ '%x|%X|%#x|%o|%5x|%05x|%+x|%.4x|% d|%i|%u' % (255, 255, 255, 8, 255, 255, 255, 255, 7, 3, 4) }}",
    "{{ '%c%c|%e|%G|%(x)s' % (65, 'b', 1.5, 2.0, 1) }}", "{{ '%(a)s-%(b)03d' % {'a': 'x', 'b': 7, 'c': 0} }}", "{{ 'plain' % {'a': 1} }}", "{{ '%s %s' % 'a' }}",
    "{{ '{:>5}|{:<5}|{:^5}|{:*^7}|{:.2}|{:05}|{:5}'.format('ab', 'ab', 'ab', 'é', 'abc', 'a', 'b') }}", "{{ '{:5}|{:<5}|{:05d}|{:+}|{: }|{:,}|{:_}|{:x}|{:#X}|{:b}|{:c}|{:=+06}'.format(42, 42, -42, 7, 7, 1234567, 1234567, 255, 255, 5, 65, 3) }}",
    "{{ '{:.2f}|{:8.1f}|{:e}|{:g}|{:.1%}|{:,.2f}|{:08.3f}|{:10}|{:G}'.format(2.345, 2.5, 12345.678, 0.0001, 0.256, 1234567.891, -3.14159, 2.5, 1e20) }}", "{{ '{!r:>6}|{a!s:5}|{0}'.format('x', a=[1]) }}", "{{ '{:5}'.format(none) }}",
    "{{ '{:d}'.format('x') }}", "{{ '{:s}'.format(5) }}", "{{ '{:.2d}'.format(5) }}", "{{ '{:+}'.format('x') }}", "{{ '{:02d}:{:02d}'.format(7, 5) }}", "{{ '{:True}'.format(1) }}", "{{ '{:5}|{}'.format(true, true) }}",
    "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %-d %I %p %y %%') }}", "{{ messages[0].role }} {{ tools is none }} {{ tools is defined }} {{ bos_token is defined }} {{ add_generation_prompt }}", "{{ bos_token }}{{ eos_token }}{{ documents }}",
    # refused
    "{{ raise_exception('no') }}", "{{ missing.x }}", "{{ missing + 1 }}", "{{ 'a' + 1 }}", "{{ 1 / 0 }}", "{{ missing() }}", "{% for x in 5 %}{% endfor %}", "{{ b.append(4) }}", "{{ missing|tojson }}", "{% if %}", "{{ 1 + }}", "{% endfor %}", "{% for x in b %}", "{{ 'x }}", "{{ (1 }}", "{% set 1 = 2 %}", "{{ x y }}", "{% macro m(x) %}{% endmacro %}{{ m(1, 2) }}", "{{ [1, 'a']|sort }}", "{{ 1 < 'a' }}", "{{ range(200000)|length }}", "{{ 'x'|nosuchfilter }}", "{{ 'x' is nosuchtest }}", "{% nosuch %}", "{% set s.x = 1 %}{{ s }}", "{% break %}", "{{ a.b.c }}", "{{ -s }}", "{# open", "{% raw %}x", "{{ s|int|nosuch }}", "{{ {}['a'].b }}", "{{ 'a' in 5 }}",
]


def render(compiled, case):
    kwargs = dict(case.get("kwargs", {}))
    for key in ("bos", "eos"):
        if key in case:
            kwargs[key + "_token"] = case[key]
    return compiled.render(messages=case["messages"], tools=case.get("tools"), documents=None, add_generation_prompt=case.get("gen", False), **kwargs)


def evaluate(source, case):
    try:
        return {"text": render(chat_template_utils._cached_compile_jinja_template(source), case)}
    except Exception:  # whatever jinja2 or Python objects to, the template is refused
        return {"error": True}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--templates", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    # The clock is looked up in the module when a template runs; what is compiled before is not affected.
    chat_template_utils.datetime = PinnedDatetime

    snippets = []
    for source in SNIPPETS:
        case = {"messages": [USER], "kwargs": DATA, "bos": "<s>"}
        snippets.append({"template": source, **evaluate(source, case)})
    reader = gguf.GGUFReader(args.model)
    real = {"demo": reader.fields["tokenizer.chat_template"].contents()}
    for name in sorted(os.listdir(args.templates)):
        if name.endswith(".jinja"):
            with open(os.path.join(args.templates, name), encoding="utf-8") as file:
                real[name] = file.read()
    models = {}
    for name, source in real.items():
        models[name] = [evaluate(source, {**case, "bos": "<s>", "eos": "</s>"}) for case in CONVERSATIONS]
    golden = {"versions": {"jinja2": jinja2.__version__, "transformers": transformers.__version__}, "now": NOW, "data": DATA,
              "snippet_messages": [USER], "snippets": snippets, "conversations": CONVERSATIONS, "models": models}
    with open(os.path.join(args.out, "templates.json"), "w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=True, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
