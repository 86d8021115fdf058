#!/usr/bin/env python3
"""Templates that use what real chat templates use, over many conversations, rendered by jinja2 as transformers configures it.

    python tests/tools/chat_features_golden.py --out tests/golden/data                              writes chat_features.json
    python tests/tools/chat_features_golden.py --check build/pith-run --template t.jinja [--seed 5]  compares one template of yours
    python tests/tools/chat_features_golden.py --check build/pith-run                               compares the templates here

The templates are written for this test after the features of model families; none is a model's own.
"""
import argparse
import json
import os
import random
import subprocess
import tempfile

import jinja2
import transformers
from transformers.utils import chat_template_utils

from template_golden import NOW, PinnedDatetime

FAMILIES = {
    "inst": "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
            "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate user/assistant/…') }}{% endif %}"
            "{% if loop.index0 == 0 and system_message != false %}{% set content = '<<S>>\\n' + system_message + '\\n<</S>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}"
            "{% if message['role'] == 'user' %}{{ bos_token + '[I] ' + content.strip() + ' [/I]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "header": "{{- bos_token }}\n{%- if custom_tools is defined %}\n    {%- set tools = custom_tools %}\n{%- endif %}\n{%- if not tools_in_user_message is defined %}\n    {%- set tools_in_user_message = true %}\n{%- endif %}\n"
              "{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n        {%- set date_string = strftime_now(\"%d %b %Y\") %}\n    {%- else %}\n        {%- set date_string = \"26 Jul 2024\" %}\n    {%- endif %}\n{%- endif %}\n{%- if not tools is defined %}\n    {%- set tools = none %}\n{%- endif %}\n"
              "{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n{%- else %}\n    {%- set system_message = \"\" %}\n{%- endif %}\n"
              "{{- \"<h>system</h>\\n\\n\" }}\n{%- if tools is not none %}\n    {{- \"Environment: shell\\n\" }}\n{%- endif %}\n{{- \"Today: \" + date_string + \"\\n\\n\" }}\n{%- if tools is not none and not tools_in_user_message %}\n    {%- for t in tools %}\n        {{- t | tojson(indent=4) }}\n        {{- \"\\n\\n\" }}\n    {%- endfor %}\n{%- endif %}\n{{- system_message }}\n{{- \"<e>\" }}\n"
              "{%- if tools_in_user_message and not tools is none %}\n    {%- if messages | length != 0 %}\n        {%- set first_user_message = messages[0]['content']|trim %}\n        {%- set messages = messages[1:] %}\n    {%- else %}\n        {{- raise_exception(\"no first user message\") }}\n    {%- endif %}\n    {{- '<h>user</h>\\n\\n' -}}\n    {%- for t in tools %}\n        {{- t | tojson(indent=4) }}\n        {{- \"\\n\\n\" }}\n    {%- endfor %}\n    {{- first_user_message + \"<e>\"}}\n{%- endif %}\n"
              "{%- for message in messages %}\n    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}\n        {{- '<h>' + message['role'] + '</h>\\n\\n'+ message['content'] | trim + '<e>' }}\n    {%- elif 'tool_calls' in message %}\n        {%- if not message.tool_calls|length == 1 %}\n            {{- raise_exception(\"one call at a time\") }}\n        {%- endif %}\n        {%- set tool_call = message.tool_calls[0].function %}\n        {{- '<h>assistant</h>\\n\\n' -}}\n        {{- '{\"name\": \"' + tool_call.name + '\", ' }}\n        {{- '\"parameters\": ' }}\n        {{- tool_call.arguments | tojson }}\n        {{- \"}\" }}\n        {{- \"<e>\" }}\n    {%- elif message.role == \"tool\" or message.role == \"ipython\" %}\n        {%- if message.content is mapping or message.content is iterable %}\n            {{- message.content | tojson }}\n        {%- else %}\n            {{- message.content }}\n        {%- endif %}\n        {{- \"<e>\" }}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<h>assistant</h>\\n\\n' }}\n{%- endif %}\n",
    "thinking": "{%- if tools %}\n    {{- '<s>system\\n' }}\n    {%- if messages[0].role == 'system' %}\n        {{- messages[0].content + '\\n\\n' }}\n    {%- endif %}\n    {{- \"# Tools\\n<tools>\" }}\n    {%- for tool in tools %}\n        {{- \"\\n\" }}\n        {{- tool | tojson }}\n    {%- endfor %}\n    {{- \"\\n</tools><e>\\n\" }}\n{%- else %}\n    {%- if messages[0].role == 'system' %}\n        {{- '<s>system\\n' + messages[0].content + '<e>\\n' }}\n    {%- endif %}\n{%- endif %}\n"
                "{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {%- if ns.multi_step_tool and message.role == \"user\" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}\n        {%- set ns.multi_step_tool = false %}\n        {%- set ns.last_query_index = index %}\n    {%- endif %}\n{%- endfor %}\n"
                "{%- for message in messages %}\n    {%- if message.content is string %}\n        {%- set content = message.content %}\n    {%- else %}\n        {%- set content = '' %}\n    {%- endif %}\n    {%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) %}\n        {{- '<s>' + message.role + '\\n' + content + '<e>' + '\\n' }}\n    {%- elif message.role == \"assistant\" %}\n        {%- set reasoning_content = '' %}\n        {%- if message.reasoning_content is string %}\n            {%- set reasoning_content = message.reasoning_content %}\n        {%- else %}\n            {%- if '</think>' in content %}\n                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}\n                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n            {%- endif %}\n        {%- endif %}\n        {%- if loop.index0 > ns.last_query_index %}\n            {%- if loop.last or (not loop.last and reasoning_content) %}\n                {{- '<s>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}\n            {%- else %}\n                {{- '<s>' + message.role + '\\n' + content }}\n            {%- endif %}\n        {%- else %}\n            {{- '<s>' + message.role + '\\n' + content }}\n        {%- endif %}\n        {%- if message.tool_calls %}\n            {%- for tool_call in message.tool_calls %}\n                {%- if (loop.first and content) or (not loop.first) %}\n                    {{- '\\n' }}\n                {%- endif %}\n                {%- if tool_call.function %}\n                    {%- set tool_call = tool_call.function %}\n                {%- endif %}\n                {{- '<tool_call>\\n{\"name\": \"' }}\n                {{- tool_call.name }}\n                {{- '\", \"arguments\": ' }}\n                {%- if tool_call.arguments is string %}\n                    {{- tool_call.arguments }}\n                {%- else %}\n                    {{- tool_call.arguments | tojson }}\n                {%- endif %}\n                {{- '}\\n</tool_call>' }}\n            {%- endfor %}\n        {%- endif %}\n        {{- '<e>\\n' }}\n    {%- elif message.role == \"tool\" %}\n        {%- if loop.first or (messages[loop.index0 - 1].role != \"tool\") %}\n            {{- '<s>user' }}\n        {%- endif %}\n        {{- '\\n<tool_response>\\n' }}\n        {{- content }}\n        {{- '\\n</tool_response>' }}\n        {%- if loop.last or (messages[loop.index0 + 1].role != \"tool\") %}\n            {{- '<e>\\n' }}\n        {%- endif %}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<s>assistant\\n' }}\n    {%- if enable_thinking is defined and enable_thinking is false %}\n        {{- '<think>\\n\\n</think>\\n\\n' }}\n    {%- endif %}\n{%- endif %}",
    "model_turn": "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}{%- if messages[0]['content'] is string -%}{%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}{%- else -%}{%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}{%- endif -%}{%- set loop_messages = messages[1:] -%}{%- else -%}{%- set first_user_prefix = \"\" -%}{%- set loop_messages = messages -%}{%- endif -%}"
                  "{%- for message in loop_messages -%}{%- if (message['role'] == 'assistant') -%}{%- set role = \"model\" -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}{{ '<t>' + role + '\n' + (first_user_prefix if loop.first else \"\") }}{%- if message['content'] is string -%}{{ message['content'] | trim }}{%- elif message['content'] is iterable -%}{%- for item in message['content'] -%}{%- if item['type'] == 'image' -%}{{ '<img>' }}{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}{%- else -%}{{ raise_exception(\"Invalid content type\") }}{%- endif -%}{{ '</t>\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{'<t>model\n'}}{%- endif -%}",
    "typescript": "{%- macro kind(spec, required, nullable=false) -%}\n    {%- if spec.type == \"array\" -%}\n        {%- if spec['items'] -%}{{- kind(spec['items'], required) ~ \"[]\" -}}{%- else -%}any[]{%- endif -%}\n    {%- elif spec.type is defined and spec.type is iterable and spec.type is not string and spec.type is not mapping and spec.type[0] is defined -%}\n        {{- spec.type | join(\" | \") -}}\n    {%- elif spec.oneOf -%}\n        {%- for variant in spec.oneOf -%}{{- kind(variant, required) -}}{%- if not loop.last -%}{{- \" | \" -}}{%- endif -%}{%- endfor -%}\n    {%- elif spec.type == \"string\" -%}\n        {%- if spec.enum -%}{{- '\"' + spec.enum|join('\" | \"') + '\"' -}}{%- else -%}string{%- if spec.nullable or nullable %} | null{%- endif -%}{%- endif -%}\n    {%- elif spec.type == \"number\" or spec.type == \"integer\" -%}number{%- elif spec.type == \"object\" -%}\n        {%- if spec.properties -%}{{- \"{\\n\" }}{%- for n, s in spec.properties.items() -%}{{ n }}{%- if n not in (spec.required or []) -%}?{%- endif -%}: {{ kind(s, spec.required or []) }}{%- if not loop.last %}, {% endif -%}{%- endfor -%}}{%- else -%}object{%- endif -%}\n    {%- else -%}any{%- endif -%}\n{%- endmacro -%}\n"
                  "{%- macro tools_block(ns, list) %}\n    {{- \"## \" + ns + \"\\n\\nnamespace \" + ns + \" {\\n\\n\" }}\n    {%- for tool in list %}\n        {%- set tool = tool.function %}\n        {{- \"// \" + (tool.description or 'none') + \"\\n\" }}\n        {{- \"type \" + tool.name + \" = \" }}\n        {%- if tool.parameters and tool.parameters.properties %}\n            {{- \"(_: {\\n\" }}\n            {%- for name, spec in tool.parameters.properties.items() %}\n                {%- if spec.description %}{{- \"// \" + spec.description + \"\\n\" }}{%- endif %}\n                {{- name }}\n                {%- if name not in (tool.parameters.required or []) %}{{- \"?\" }}{%- endif %}\n                {{- \": \" }}\n                {{- kind(spec, tool.parameters.required or []) }}\n                {%- if spec.default is defined %}\n                    {%- if spec.enum %}{{- \", // default: \" + spec.default }}{%- elif spec.oneOf %}{{- \"// default: \" + spec.default }}{%- else %}{{- \", // default: \" + spec.default|tojson }}{%- endif %}\n                {%- endif %}\n                {%- if not loop.last %}{{- \",\\n\" }}{%- else %}{{- \"\\n\" }}{%- endif %}\n            {%- endfor %}\n            {{- \"}) => any;\\n\\n\" }}\n        {%- else %}\n            {{- \"() => any;\\n\\n\" }}\n        {%- endif %}\n    {%- endfor %}\n    {{- \"} // namespace \" + ns }}\n{%- endmacro %}\n"
                  "{%- if not effort is defined %}{%- set effort = \"medium\" %}{%- endif %}\n{{- \"Date: \" + strftime_now(\"%Y-%m-%d\") + \"\\nEffort: \" + effort + \"\\n\" }}\n{%- if tools %}{{- tools_block(\"functions\", tools) }}{%- endif %}\n{%- set last_tool_call = namespace(name=none) %}\n{%- for message in messages -%}\n    {%- if message.role == 'assistant' -%}\n        {%- if \"tool_calls\" in message %}\n            {%- set future = namespace(found=false) %}\n            {%- for m in messages[loop.index:] if not future.found %}{%- if m.role == 'assistant' and \"tool_calls\" not in m %}{%- set future.found = true %}{%- endif %}{%- endfor %}\n            {%- set call = message.tool_calls[0] %}\n            {%- if call.function %}{%- set call = call.function %}{%- endif %}\n            {{- \"<c to=\" + call.name + \" future=\" ~ future.found ~ \">\" }}{{- call.arguments|tojson }}{{- \"</c>\" }}\n            {%- set last_tool_call.name = call.name %}\n        {%- elif loop.last and not add_generation_prompt %}{{- \"<f>\" + message.content + \"<r>\" }}\n        {%- else %}{{- \"<f>\" + message.content + \"</f>\" }}{%- set last_tool_call.name = none %}{%- endif %}\n    {%- elif message.role == 'tool' -%}\n        {%- if last_tool_call.name is none %}{{- raise_exception(\"no call before the tool's answer\") }}{%- endif %}\n        {{- \"<r from=\" + last_tool_call.name + \">\" + message.content|tojson + \"</r>\" }}\n    {%- elif message.role == 'user' -%}{{- \"<u>\" + message.content + \"</u>\" }}\n    {%- endif -%}\n{%- endfor -%}\n{%- if add_generation_prompt -%}<a>{%- endif -%}",
    "flags": "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}"
             "{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<U>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and message['tool_calls'] is defined and message['tool_calls'] is not none %}{%- set ns.is_tool = false -%}{%- for tool in message['tool_calls'] %}{%- if not ns.is_first %}{{'<A><calls><call>' + tool['type'] + '<sep>' + tool['function']['name'] + '\\n```json\\n' + (tool['function']['arguments'] | string) + '\\n```</call>'}}{%- set ns.is_first = true -%}{%- else %}{{'\\n<call>' + tool['function']['name'] + '</call>'}}{%- endif %}{%- endfor %}{{'</calls><E>'}}{%- endif %}{%- if message['role'] == 'assistant' and 'tool_calls' not in message %}{%- if ns.is_tool %}{{'</outs>' + message['content'] + '<E>'}}{%- set ns.is_tool = false -%}{%- else %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<A>' + content + '<E>'}}{%- endif %}{%- endif %}{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}{{'<outs><out>' ~ message['content'] ~ '</out>'}}{%- set ns.is_output_first = false %}{%- else %}{{'<out>' ~ message['content'] ~ '</out>'}}{%- endif %}{%- endif %}{%- endfor -%}{% if ns.is_tool %}{{'</outs>'}}{% endif %}{% if add_generation_prompt and not ns.is_tool %}{{'<A><think>\\n'}}{% endif %}",
    "documents": "{%- set system = (messages|selectattr('role', 'equalto', 'system')|list|first|default({'content': 'plain'})).content -%}\n{%- if documents %}{{ '<docs>' }}{% for doc in documents %}\n[{{ loop.index0 }}] {{ doc.title | default('untitled', true) }}{% for key, value in doc.items() if key != 'title' %}\n{{ key | capitalize }}: {{ value }}{% endfor %}{% endfor %}\n</docs>{% endif -%}\n"
                 "{%- set names = tools | map(attribute='function') | map(attribute='name') | join(', ') if tools else 'none' -%}\n<{{ system | trim }}|{{ names }}|{{ citations | default(true) }}>\n{% for message in messages | rejectattr('role', 'equalto', 'system') %}\n{{ loop.cycle('odd', 'even') }}{{ message.role.upper() }}{{ ':' if not loop.last else '.' }} {% filter trim %} {{ message.content if message.content is string else message.content|string }} {% endfilter %}{{ loop.revindex }}{{ loop.previtem.role if loop.previtem is defined else '-' }}\n{% else %}\nnothing\n{% endfor %}\n{%- if messages | selectattr('role', 'equalto', 'nobody') %}lazy is true{% endif %}",
    "python_dict": "{% for message in messages %}{{ loop.index ~ '. ' ~ message }}\n{% endfor %}{{ tools }}{% if tools %}{{ (tools|first).function.parameters.properties.keys()|list }}{% for t in tools recursive %}<{{ t.function.name if t.function else t }}{% if t.function and t.function.parameters.required %}{{ loop(t.function.parameters.required) }}{% endif %}{{ loop.depth }}>{% endfor %}{% endif %}",
    "macros": "{%- macro turn(role, end='<e>', trim=true) -%}\n<{{ role }}>{% if trim %}{{ caller() | trim }}{% else %}{{ caller() }}{% endif %}{{ end }}\n{%- endmacro -%}\n{%- macro all() %}{{ varargs|join('+') }}{{ kwargs.x }}{% endmacro -%}\n{%- for m in messages -%}{% call turn(m.role, trim=(m.role != 'user')) %} {{ m.content }} {% endcall %}{%- if m.role == 'tool' %}{% continue %}{% endif %}{{ '%s-%03d' % (m.role, loop.index) }}{% if loop.index > 5 %}{% break %}{% endif %}{%- endfor -%}\n{{ all(1, 2, x=3) }}{{ all(*[4, 5], **{'x': 6}) }}{% set shown %}{{ messages|length }} of{% endset %}{{ shown|upper }}{% generation %}{{ messages|last|tojson if messages else '' }}{% endgeneration %}",
    "scopes": "{%- macro early() %}[{{ late }}|{{ tools is defined }}|{{ style }}]{% endmacro -%}\n{{ early() }}{% for m in messages %}{{ style }}{% set style = m.role %}{{ style }}{% endfor %}{{ style }}{% set late = 'L' %}{% if tools %}{% set tools = tools|length %}{% endif %}{{ early() }}{{ tools }}{% for m in messages %}{% if loop.first %}{% set mark = 'M' %}{% endif %}{{ mark }}{{ given }}{% endfor %}{% set given = 'mine' %}{{ given }}{% with style = 'W', other = style %}{{ style }}{{ other }}{% endwith %}",
}

SNIPPETS = [
    "{{ '<'|safe + '&\"' }}|{{ '&' + '<b>'|safe }}|{{ '<'|safe ~ '<' }}|{{ ('<'|safe) is escaped }}{{ '<' is escaped }}|{{ '<'|e }}{{ '<'|e|e }}{{ '<'|e|forceescape }}{{ '<'|e|string|e }}|{{ ('<'|safe * 2) + '>' }}|{{ ('<a>'|safe)[1:] + '<' }}{{ ('<a>'|safe)[0] + '<' }}",
    "{{ ('<%s>|%d'|safe) % ('<', 3) }}|{{ '%s&'|safe|format('<') }}|{{ ', '.join(['<', '>'])|safe + '<' }}|{{ ('<br>'|safe).join(['<', 'a'|safe]) }}|{{ ('a<b'|safe).replace('<', '<<') }}|{{ ('a b'|safe).split()[0] + '<' }}|{{ ('{}'|safe).format('<') }}|{{ 'X'|safe|lower + '<' }}|{{ ' x '|safe|trim + '<' }}",
    "{{ 'x y'|safe|title + '<' }}|{{ 'x'|safe|capitalize + '<' }}|{{ 'ab'|safe|replace('a', 'c') + '<' }}|{{ ['a'|safe, '<']|join('-') + '<' }}|{{ ('a\nb'|safe|indent(1)) + '<' }}|{{ 'ab'|safe|reverse + '<' }}|{{ 'ab'|safe|first + '<' }}|{{ 'ab'|safe|center(4) + '<' }}|{{ ('a-b'|safe).partition('-')[2] + '<' }}|{{ ('a'|safe).ljust(3, '-') + '<' }}",
    "{% set x %}{{ '<'|safe }}{% endset %}{{ x + '<' }}{% macro m() %}<{% endmacro %}{{ m() + '<' }}{{ 'a'|safe == 'a' }}{{ {'a'|safe: 1}['a'] }}{{ 'a'|safe|tojson }}{{ ('a'|safe|upper) is string }}{{ ('<'|safe)|length }}{{ '<'|safe if true else '' }}{{ [('<'|safe)] }}",
    "{{ 'a-b'.partition('-') }}{{ 'a-b-c'.rpartition('-') }}{{ 'x'.partition('-') }}|{{ 'ab'.center(7, '*') }}|{{ 'abc'.center(8) }}|{{ 'ab'.ljust(4) }}|{{ 'ab'.rjust(4, '0') }}|{{ 'aBß'.swapcase() }}|{{ 'abcabc'.find('c', 3) }}{{ 'abcabc'.rfind('a', 0, 3) }}{{ 'abc'.count('', 1) }}{{ 'é'.isascii() }}{{ '½'.isnumeric() }}",
    "{{ 'the quick brown fox'|truncate(10) }}|{{ 'the quick brown fox'|truncate(10, true, '…') }}|{{ 'short'|truncate(3, leeway=5) }}|{{ [1,2,3,4,5,6,7]|slice(3)|list }}|{{ [1,2,3]|slice(2, 'x')|list }}|{{ 'ab'|center(6) }}|{{ 'one two_three, 4'|wordcount }}|{{ 'a b/ü?'|urlencode }}",
    "{{ ['\\u200b', 'é\\x7f', '\\ud7ff', '\\u00a0', \"it's\", 'q\"\\'', '\\U0001F600', '\\ue000'] }}", "{{ 0x1F + 0b11 + 0o17 + 1_000 }}", "{% set g = [1, 2, 3]|select('odd') %}{{ g|list }}{{ g|list }}{{ 1 in [3, 1]|map('int') }}{% if []|map('int') %}true{% endif %}{{ ([1]|map('int')) is iterable }}{{ ([1]|map('int')) is sequence }}",
    "{{ [1]|map('int')|length }}", "{{ ([1]|map('int'))[0] is defined }}", "{{ [3, 1]|reverse|list }}{{ 'abc'|reverse }}{{ [1, 2]|reverse|first }}", "{{ {'a': 1}|items|list }}{% for k, v in {'b': 2}|items %}{{ k }}{{ v }}{% endfor %}",
    "{% for x in [[1, [2, [3]]]] recursive %}{% for y in x %}{% if y is iterable %}({{ loop.depth0 }}){% else %}{{ y }}{% endif %}{% endfor %}{% endfor %}", "{% for x in [1, [2, 3], []] recursive %}{{ x if x is number else '(' ~ loop(x) ~ ')' }}{{ loop.depth }}{% else %}none{% endfor %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{% call m(1) %}x{% endcall %}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(b=2) }}", "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% for i in [1] %}{{ given }}{% set given = 2 %}{{ given }}{% endfor %}{{ given }}", "{% set given = given ~ 'x' %}{{ given }}", "{% macro f() %}{{ given }}{% endmacro %}{{ f() }}{% set given = 1 %}{{ f() }}", "{% if false %}{% set given = 1 %}{% endif %}{{ given }}", "{% if false %}{% set given = 1 %}{% elif false %}{% set given = 2 %}{% else %}{% set other = 1 %}{% endif %}{{ given }}",
    "{% macro f() %}{{ given }}{% endmacro %}{% if false %}{% set given = 1 %}{% endif %}{{ f() }}", "{% set given %}{{ given }}{% endset %}{{ given }}", "{{ '%.2f|%s|%d|%03d' % (3.14159, 'ab', 5, 7) }}", "{{ '{0}-{1}'.format('a', 'b') }}", "{{ [1, 2, 3][::-1] }}{{ 'abc'[-2:] }}{{ [1, 2, 3][5:] }}{{ (1, 2)[:1] }}",
    "{% set t = 'ab' * 12 ~ 'abc' ~ 'aab' * 9 ~ 'ab' * 12 ~ 'abc-' %}{% set p = 'ab' * 10 ~ 'abc' %}{{ t.find(p) }} {{ t.rfind(p) }} {{ t.count(p) }} {{ t.split(p) }} {{ t.rsplit(p, 1) }} {{ t.replace(p, '#') }} {{ p in t }} {{ p ~ 'd' in t }} {{ t.partition(p) }} {{ t.rpartition(p) }} {{ t.find('aab' * 7) }} {{ t.rfind('aab' * 7) }} {{ t.count('aab' * 6) }}", "{{ 1e999 }}{{ -1e999 }}{{ '1e999'|float }}{{ 1e-999 }}", "{{ none|selectattr('a')|list }}{{ none|map('int')|list }}{{ 0|reject|list }}", "{% if [1]|map('nope') %}true{% endif %}", "{{ [1]|map('nope')|list }}", "{{ ['a']|select('gt', 1)|list }}",
    "{% set later = ['a']|select('gt', 1) %}unread", "{% if false %}{{ 1|nope }}{{ 1 is nope }}{% endif %}ok", "{{ 1|nope if false else 2 }}", "{% if true %}{{ 1|nope }}{% endif %}", "{% if true %}{% for x in [] %}{{ 1|nope }}{% endfor %}{% endif %}",
    "{% for x in [] %}{{ 1|nope }}{% endfor %}", "{{ [].append(1) }}", "{{ {}.update({}) }}", "{{ ''.__class__ }}", "{{ messages.__len__() }}",
]

USER = {"role": "user", "content": " What is 2+3?\n"}
SYSTEM = {"role": "system", "content": "Be brief. "}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Weather of a \"city\" – <now>", "parameters": {"type": "object", "properties": {
    "city": {"type": "string", "description": "which"}, "days": {"type": "integer", "default": 1.5}, "units": {"type": "string", "enum": ["C", "F"], "default": "C"}, "tags": {"type": "array", "items": {"type": "string", "nullable": True}},
    "when": {"type": ["string", "null"]}, "spot": {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}}, "required": ["x"]}, "any": {"oneOf": [{"type": "string"}, {"type": "number"}]}}, "required": ["city"]}}},
         {"type": "function", "function": {"name": "nothing", "parameters": {}}}]
DOCUMENTS = [{"title": "Düne", "text": "Sand & spice"}, {"text": "no title", "year": 1965}]
TEXTS = ["Hi", "  spaced \n", "{{ 7*7 }} {% raw %}", "é 😀 \u2028 \"q\" 'a'", "<think>\nlong\n</think>\n\nshort", "", "a\tb\\n", "<tool_response>x</tool_response>"]


def conversation(rng):
    out = [{"role": "system", "content": rng.choice(TEXTS)}] if rng.random() < 0.5 else []
    for _ in range(rng.randint(1, 3)):
        out.append({"role": "user", "content": rng.choice(TEXTS)})
        kind = rng.random()
        if kind < 0.3:
            arguments = {"city": rng.choice(TEXTS), "days": rng.choice([1, 2.5, 1e22, True, None])}
            out.append({"role": "assistant", "content": "", "tool_calls": [{"type": "function", "id": "c1", "function": {"name": "weather", "arguments": arguments if rng.random() < 0.7 else json.dumps(arguments)}}]})
            out.append({"role": "tool", "name": "weather", "tool_call_id": "c1", "content": rng.choice(["21", {"t": [1, 2.0, None, "ü"]}, json.dumps({"t": 1})])})
        if kind < 0.8:
            message = {"role": "assistant", "content": rng.choice(TEXTS)}
            if rng.random() < 0.2:
                message["reasoning_content"] = rng.choice(TEXTS)
            out.append(message)
    if rng.random() < 0.1:
        out[-1] = {"role": "user", "content": [{"type": "text", "text": " part "}, {"type": "image"}]}
    return out


def case(rng):
    kwargs = {"bos_token": "<s>", "eos_token": "</s>", "documents": DOCUMENTS if rng.random() < 0.3 else None}
    for name, value in (("enable_thinking", False), ("date_string", "1 Jan 2000"), ("tools_in_user_message", False), ("custom_tools", TOOLS), ("given", "G"), ("style", "S"), ("citations", False)):
        if rng.random() < 0.2:
            kwargs[name] = value
    return {"messages": conversation(rng), "tools": TOOLS if rng.random() < 0.4 else None, "gen": rng.random() < 0.6, "kwargs": kwargs}


def evaluate(source, c):
    arguments = {"messages": c["messages"], "tools": c["tools"], "documents": None, "add_generation_prompt": c["gen"], **c["kwargs"]}
    try:
        return chat_template_utils._cached_compile_jinja_template(source).render(**arguments)
    except Exception:  # whatever jinja2 or Python objects to, the template is refused
        return None


def ours(command, source, c):
    with tempfile.TemporaryDirectory() as folder:
        def put(name, text):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            return path
        words = [command, "template", "--template", put("t.jinja", source), "--messages", put("m.json", json.dumps(c["messages"])), "--now", NOW, "--kwargs", json.dumps(c["kwargs"])]
        if c["gen"]:
            words.append("--add-generation-prompt")
        if c["tools"]:
            words += ["--tools", put("tools.json", json.dumps(c["tools"]))]
        run = subprocess.run(words, capture_output=True)
        return run.stdout.decode() if run.returncode == 0 else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out")
    parser.add_argument("--check")
    parser.add_argument("--template", action="append", default=[])
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seed", type=int, default=62)
    args = parser.parse_args()
    chat_template_utils.datetime = PinnedDatetime
    templates = dict(FAMILIES)
    for path in args.template:
        with open(path, encoding="utf-8") as file:
            templates = {**({} if len(templates) == len(FAMILIES) else templates), path: file.read()}
    rng = random.Random(args.seed)
    cases = [case(rng) for _ in range(args.cases if args.check else 24)]
    if args.check:
        bad = 0
        for name, source in templates.items():
            for c in cases:
                want, got = evaluate(source, c), ours(args.check, source, c)
                if want != got:
                    bad += 1
                    print(f"{name}: {json.dumps(c)[:300]}\n  wanted {want!r}\n  got    {got!r}")
        print(f"{len(templates)} templates, {len(cases)} conversations each, {bad} differ")
        raise SystemExit(bad > 0)
    plain = {"messages": [USER], "tools": None, "gen": False, "kwargs": {"given": "G", "bos_token": "<s>"}}
    golden = {"versions": {"jinja2": jinja2.__version__, "transformers": transformers.__version__}, "now": NOW, "seed": args.seed, "cases": cases, "plain": plain,
              "templates": [{"name": name, "source": source, "texts": [evaluate(source, c) for c in cases]} for name, source in FAMILIES.items()],
              "snippets": [{"source": source, "text": evaluate(source, plain)} for source in SNIPPETS]}
    with open(os.path.join(args.out, "chat_features.json"), "w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=True, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
