#!/usr/bin/env python3
"""What jinja2's whole surface gives: every filter, test and global, every public method of Python's str, dict, list, tuple, int,
float, bool and range, and every operator, over values and arguments, right and wrong ones.

    python tests/tools/jinja_surface_golden.py --out tests/golden/data
    python tests/tools/jinja_surface_golden.py --check build/pith-run     # shows each difference

The lists come from jinja2 and Python themselves: what either gains makes this script fail until it has cases. The environment is
transformers' (ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks, loop controls, its tojson). jinja_surface.json holds groups
of `values` and `forms`, and a text for each pair (0: jinja2 raises, or what it prints is an address or random); unicode.json what
Python's str says of each code point of its Unicode version, as digests of blocks. The clock is pinned.
"""
import argparse
import copy
import datetime
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unicodedata

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 3, 5, 9, 7, 2)
RANDOM_FILTERS = {"random"}
CONTEXT = {"people": [{"name": "Zoe", "age": 3, "tag": {"k": 1}}, {"name": "adam", "age": 30}, {"name": "Bo", "age": 7}, {"name": "zoe", "age": 7}]}


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


ENV = environment()


def cell(value, form):
    return ("{% set v = " + value + " %}" if value else "") + (form if "{%" in form else "{{ " + form + " }}")


@functools.lru_cache(maxsize=None)
def compiled(form):
    return ENV.from_string(form if "{%" in form else "{{ " + form + " }}")


@functools.lru_cache(maxsize=None)
def expression(value):
    return ENV.compile_expression(value, undefined_to_none=False)


def evaluate(value, form):
    if any("|" + name in form for name in RANDOM_FILTERS) or "lipsum(" in form:
        return None
    if form == "v ** 9007199254740993" and value in ("5", "-7", "9007199254740993"):  # an integer that no memory holds
        return None
    try:
        context = copy.deepcopy(CONTEXT)  # `list += text`, which indent does, changes it
        text = compiled(form).render(**context, **({"v": expression(value)(**context)} if value else {}))
        text.encode()
    except Exception:  # whatever jinja2 or Python objects to
        return None
    return None if " at 0x" in text.lower() or "<bound method" in text else text


# Arguments that go to everything callable: right for some, wrong for most.
BATTERY = ["", "1", "'a'", "none", "'a', 1", "'b', 'c'", "1, 'x'", "('a', 'b')", "['a', 'c']", "'a', 1, 2", "1, 2, 3, 4", "x=1", "''", "2.5", "missing", "{'a': 'b'}"]

STR = {
    "capitalize": [], "casefold": [], "swapcase": [], "title": [], "upper": [], "lower": [],
    "isalnum": [], "isalpha": [], "isascii": [], "isdecimal": [], "isdigit": [], "isidentifier": [], "islower": [], "isnumeric": [],
    "isprintable": [], "isspace": [], "istitle": [], "isupper": [],
    "center": ["8, '*'", "9", "true", "-3", "8, 'é'", "8, ''", "8, fillchar='*'", "width=8"], "ljust": ["8, '*'", "9"], "rjust": ["8, '*'", "9"],
    "zfill": ["8", "-1", "width=8"],
    "count": ["'b'", "'', 1", "'a', 1, -1", "'a', none, 4", "sub='a'", "'a', '1'"], "find": ["'c', 3", "'', 99", "'', 3", "'a', -2", "'a', none, none", "'Σ'"],
    "rfind": ["'a', 0, 3", "'', 1, 2", "''"], "index": ["'c'", "'zz'"], "rindex": ["'c'", "'zz'"],
    "startswith": ["'b', 1", "'b', 1, 2", "('x', 'b'), 1", "'', 99", "'', 3", "['a']", "'a', -3", "prefix='a'", "'a', none, 1", "()"],
    "endswith": ["'c', 1", "'b', 0, 2", "('x', 'c')", "'', 99", "'c', -1", "'ab', none, 2"],
    "removeprefix": ["'ab'", "prefix='ab'"], "removesuffix": ["'bc'", "'zz'"],
    "replace": ["'a', 'b', 1", "'', '-'", "'', '-', 2", "'a', 'b', -1", "'a', 'b', none", "'a', 'b', count=1", "old='a', new='b'", "'a'"],
    "split": ["','", "',', 1", "none, 1", "sep=','", "maxsplit=1", "sep=none, maxsplit=1", "'ab', maxsplit=-1", "','.strip(), '1'", "',', none"],
    "rsplit": ["','", "',', 1", "none, 1", "maxsplit=1", "sep=','"], "splitlines": ["true", "keepends=true", "0", "'x'", "none"],
    "strip": ["'abc'", "' a'", "none", "chars='a'", "'é日'"], "lstrip": ["'abc'", "' '"], "rstrip": ["'c'", "' \\n'"],
    "partition": ["','", "sep=','", "'é'"], "rpartition": ["','"],
    "join": ["['x', 'y']", "'xyz'", "{'p': 1, 'q': 2}", "[1]", "('x',)", "[]", "['x', 2]|map('string')", "iterable=['a']", "missing"],
    "format": ["1, 2", "a=1, b='x'", "*['p', 'q']", "**{'a': 1}"], "format_map": ["{'a': 1, 'b': 2}", "{}", "namespace(a=1)", "mapping={'a': 1}"],
    "expandtabs": ["4", "0", "-1", "tabsize=2", "true"], "translate": ["{97: 'x'}", "{97: none, 98: 66}", "{'a': 'b'}", "['x'] * 98", "''.maketrans('ab', 'xy', 'c')", "{97: 1.5}", "{97: 'xyz'}"],
    "maketrans": ["'ab', 'xy'", "'ab', 'xy', 'c'", "{'a': 'x', 98: none}", "{'ab': 1}", "'ab', 'x'"],
    "encode": ["'utf-8'"],
}
STR_VALUES = ["''", "'abc'", "'aBc dEf'", "'abcabc'", "' \\t a b\\u00a0 c\\n'", "'Straße ŉ ﬁ'", "'ΑΣ Σ ΣΑΣ. ΑΣ’ς'", "'İstanbul I ı'", "'ǆ ǅ Ǆabc'", "'١٢٣'", "'²½'", "'a,b,,c'", "'-42'", "'a\\tb\\tcd\\r\\ne\\tf'", "'a\\nb\\r\\nc\\x1cd\\u2028e\\x85'",
              "'日本語'", "'{a} {b!r:>5}'", "'<b>'|safe"]
FORMATS = ["%s|%r", "%5s|%-5s|", "%.2s", "%d %i %u", "%05d|%+d|% d|%-5d|", "%x %X %#x %o %#o", "%e %E %.3g %G", "%.1f %F %#.0f %#g", "%c", "%%", "%a", "%*d", "%.*f", "%ld", "%(a)s", "%(a)s %(a)r", "%", "%q", "%5%", "%.0f", "%#x", "%-+8.3d|", "%s"]
FORMAT_ARGUMENTS = ["()", "1", "'x'", "(1, 2)", "(1, 2, 3)", "(-5, 7, 9, 11, 13)", "(3.14159, 2, 1e10, 0.5)", "{'a': 'é'}", "('é',)", "'é'", "(5, 42)", "(2, 2.71828)", "none", "[1]", "(65,)", "(true, none)", "(1e20,)", "2.5", "missing", "('a', 'b')", "(255, -255, 255, 8, 8)"]
BRACES = ["{}", "{0} {1} {0}", "{} {}", "{a}", "{a.b}", "{a[b]}", "{0[1]}", "{0.real}", "{!r}", "{!s:>6}|", "{!a}", "{:>{}}|", "{:{w}}|", "{:5}|", "{:<5}|{:^5}|", "{:05}", "{:+}", "{:,}", "{:_}", "{:#x}", "{:b}", "{:e}", "{:.2f}", "{:.3}", "{:#.3}", "{:#}", "{:n}", "{:%}", "{:c}", "{:s}",
          "{:08,}", "{:08_x}", "{:*^9}", "{:=+6}", "{{}}", "{", "}", "{0} {}", "{} {0}", "{:q}", "{!z}", "{a!r:*<6}", "{0[a]}", "{a.b.c}", "{ }", "{:1_000}", "{:z.1f}", "{a[b}", "{:.0f}", "{:g}", "{:.10}", "{:-}", "{: }", "{:013,.2f}", "{:x<09}", "{0:{1}}", "{a.__class__}", "{:,.3}"]
BRACE_ARGUMENTS = ["", "1", "'é'", "-42, 7", "3.14159", "1234567", "1e20", "true", "none", "[1, 2]", "{'a': 5}", "a={'b': 3}", "a='q', w=7", "'x', w=6", "'x', 6", "65", "0.000012345", "missing", "2.0", "-0.0", "1/3", "123456789012"]
COLLECTIONS = {
    dict: (["{'a': 1, 'b': none}", "{}", "{1: 'x', (1, 2): [3]}"], {
        "get": ["'a'", "'b', 2", "'z', 2", "[1]", "key='a'", "'z', default=3", "1", "true"], "items": [], "keys": [], "values": [], "copy": [],
        "fromkeys": ["['x', 'y']", "'xy', 1", "[[1]]"], "clear": [], "pop": ["'a'"], "popitem": [], "setdefault": ["'q', 1"], "update": ["{'q': 1}"]}),
    list: (["[3, 1, 'a', 1]", "[]", "[[1], {'k': 2}, none]"], {
        "count": ["1", "[1]", "true"], "index": ["1", "'z'", "1, 2", "1, 0, 1", "'a', -2", "value=1"], "copy": [], "append": ["1"], "clear": [], "extend": ["[1]"], "insert": ["0, 1"],
        "pop": [], "remove": ["1"], "reverse": [], "sort": []}),
    tuple: (["(3, 1, 'a', 1)", "()"], {"count": ["1"], "index": ["1", "'z'", "1, 2"]}),
    int: (["5", "-7", "0"], {name: [] for name in ["as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "imag", "numerator", "real"]} | {"to_bytes": ["1, 'big'"], "from_bytes": ["'a', 'big'"]}),
    bool: (["true"], {name: [] for name in ["as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "imag", "numerator", "real"]} | {"to_bytes": ["1, 'big'"], "from_bytes": ["'a', 'big'"]}),
    float: (["2.5", "-0.0", "1e300"], {name: [] for name in ["as_integer_ratio", "conjugate", "imag", "is_integer", "real", "hex"]} | {"fromhex": ["'0x1p3'"]}),
    range: (["range(3)", "range(5, 0, -2)"], {"count": ["1", "'a'"], "index": ["1", "9"], "start": [], "stop": [], "step": []}),
    type(None): (["none"], {}),
}
VALUES = ["none", "true", "5", "-7", "2.5", "-0.0", "1e16", "-2.5", "'aBc dEf'", "''", "'12'", "' 4.7 '", "'<b>&'|safe", "'<a href=\"x\">\\'y\\'&amp;'", "'one two_three\\nfour-five (six) é²'", "[]", "[3, 1, 2]", "['b', 'A', 'c', 'a', 'b']", "[[1, 'x'], [2, 'y'], [1, 'z']]", "(1,)",
          "{'b': 1, 'A': 2}", "{'a b/ü': 1, 'c': none}", "[{'k': 1}, {'k': 'z'}, {}]", "missing", "range(4)", "{'b': 1, 'A': 2}.items()", "{'b': 1}.keys()", "[1, 2]|map('string')", "namespace(a=1)", "people", "['ab', 'cd']", "[none, 1, 1.0, true]", "'%s'", "[{'n': 'b', 'm': 2}, {'n': 'B', 'm': 1}, {'n': 'a', 'm': 3}]"]
FILTERS = {
    "abs": [], "attr": ["'upper'", "'b'", "'real'", "'append'", "5", "'a'"], "batch": ["2", "2, 'x'", "0", "3, none", "-1", "linecount=2, fill_with=0"],
    "capitalize": [], "center": ["12", "width=5", "'x'", "true"], "count": [], "length": [], "d": ["'x'", "'x', true"], "default": ["'x'", "'x', true", "default_value=1, boolean=1", "none"],
    "dictsort": ["true", "false, 'value'", "by='value', reverse=true", "false, 'x'", "reverse=true"], "e": [], "escape": [], "forceescape": [], "filesizeformat": ["true", "binary=true"],
    "first": [], "last": [], "float": ["7.5", "default='x'"], "int": ["7", "0, 16", "base=8", "default='x'", "0, 0"], "format": ["1", "a=1", "'x', 2", "1, a=1"],
    "groupby": ["'k'", "'k', default=0", "'name'", "'name', case_sensitive=true", "'age'", "attribute='n'", "0", "'n', '', true"], "indent": ["2", "'> '", "2, true", "2, true, true", "width=1, first=true", "blank=true", "2.0", "-1", "true", "none"],
    "items": [], "join": ["', '", "'-', 'k'", "d='+', attribute='name'", "1", "'<'|safe", "none", "', ', 0"], "list": [], "lower": [], "upper": [],
    "map": ["'upper'", "attribute='name'", "attribute='k', default='-'", "'int'", "'nope'", "'default', 'x'", "attribute='tag.k'", "attribute=0", "attribute='k', x=1", "none", "'replace', 'a', 'b'", "'first'"],
    "max": ["true", "attribute='age'", "attribute='name'", "false, none"], "min": ["true", "attribute='age'", "attribute='n'", "false, 0"], "pprint": [], "random": [],
    "reject": ["'odd'", "'equalto', 1", "'nope'", "'in', [1, 2]", "none"], "select": ["'string'", "'gt', 1", "'lower'", "'none'", "'divisibleby', num=2"], "rejectattr": ["'k'", "'k', 'equalto', 1", "'name', 'lower'"], "selectattr": ["'k'", "'age', 'gt', 5", "'tag.k', 'defined'", "0, 'eq', 1"],
    "replace": ["'b', 'X'", "'b', 'X', 1", "1, 2", "old='b', new='X', count=none", "'', '-'", "'<', '&'", "'b', 'X', 1.5"], "reverse": [], "round": ["1", "0, 'ceil'", "1, 'floor'", "-1", "method='floor'", "none", "0, 'x'", "-1, 'ceil'", "20"],
    "safe": [], "slice": ["2", "3, 'x'", "0", "slices=2, fill_with=none", "-1"], "sort": ["true", "case_sensitive=true", "attribute='age'", "attribute='age,name'", "true, false, 'name'", "attribute=1", "attribute='m'", "attribute='n,m'"],
    "string": [], "striptags": [], "sum": ["attribute='age'", "start=10", "start=''", "start=[]", "'m', 0.5"], "title": [], "tojson": ["indent=2", "true", "separators=(',', ':')", "sort_keys=true", "indent='--'", "indent=0", "ensure_ascii=true", "indent=true", "false, -1", "separators=[',']", "x=1"],
    "trim": ["'b'", "chars=' f'", "none", "5"], "truncate": ["5", "8, true", "8, false, '…', 0", "length=6, leeway=0", "2", "5, true, '', 0", "9, end='<', leeway=0"], "unique": ["true", "attribute='age'", "attribute='n'", "false, 'k'", "attribute=0"],
    "urlencode": [], "urlize": [], "wordcount": [], "wordwrap": ["5"], "xmlattr": ["false", "autospace=true"],
}
FILTER_BATTERY = ["1, 2, 3, 4, 5, 6", "nope=1"]
TEST_VALUES = VALUES + ["range", "dict", "joiner()", "cycler(1)", "people|length * 1e308 * 1e3", "0", "'ß'", "'É1'", "'tojson'", "'wordwrap'", "'defined'"]
TESTS = {"divisibleby": ["(2)", "(0)", "(2.5)", "(num=3)", "('a')"], "sameas": ["(none)", "(true)", "(5)", "(v)", "('')", "(other=5)", "([])", "(1)"], "in": ["([1, 5, '12', none])", "('aBc dEf12')", "({'b': 1, '': 2})", "(seq=[5])", "(5)", "(missing)", "(range(9))"]}
COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "eq", "ne", "equalto", "gt", "ge", "greaterthan", "lt", "le", "lessthan"]
COMPARED = ["(5)", "('12')", "(missing)", "(a=1)"]
OPERANDS = ["none", "true", "0", "5", "-7", "2.5", "-0.0", "0.5", "'ab'", "'%s'", "''", "[1, 2]", "[]", "(1,)", "(1, 2)", "{'a': 1}", "{}", "missing", "range(3)", "'<'|safe", "1e308", "{'a': 1}.keys()", "9007199254740993", "9007199254740992.0"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "<=", "!=", "in", "not in", "and", "or"]
INDEXED = ["'abc'", "[1, 2, 3]", "(1, 2)", "{'a': 1, 0: 'zero', 'keys': 5, 'real': 6}", "range(5, 50, 7)", "5", "none", "missing", "'<b>'|safe", "{'a': 1}.items()", "[1]|map('string')", "namespace(a=1)", "cycler(1, 2)"]
INDICES = ["v[0]", "v[-1]", "v[9]", "v['a']", "v.a", "v.keys", "v.real", "v['real']", "v['upper']()", "v[1.0]", "v[true]", "v[[1]]", "v[none]", "v['0']", "v.0", "v[1:]", "v[:-1]", "v[::-1]", "v[::2]", "v['a':]", "v[::0]", "v[1.5:]", "v[5:1]", "v[-2:]", "v[none:none]", "v.__class__", "v._x", "v['__len__']",
           "v.append is defined", "v.pop", "v.nope", "v.nope()", "v.upper is callable", "v(1)", "-v", "+v", "not v", "v|list", "v|string", "[v]", "{'k': v}", "v is iterable", "v is sequence", "v is mapping", "(v, v) == (v, v)", "v|tojson", "v|length", "{% for x in v %}{{ x }},{% endfor %}", "{% set a, b, c = v %}{{ b }}", "v.next()", "v.current", "{v: 1}", "[v] < [v]", "v in [v]", "'%s' % v", "'{}'.format(v)", "v ~ v"]
GLOBALS = {
    "range": ["range(3)", "range(2, 8, 3)", "range(3, 0, -1)|list", "range(0)", "range()", "range(1, 2, 0)", "range('a')", "range(2.0)", "range(100001)", "range(100000)|length", "range(stop=3)", "range(9)[2:5]", "range(9)[::-2]", "range(9)[-1]", "range(3) == range(0, 3, 1)", "range(3) == [0, 1, 2]", "range(3) + [1]", "2 in range(3)", "2.0 in range(3)", "'a' in range(3)", "range(3).start", "range(3).step", "range(true)",
              "range(3)|join(',')", "range(3)|tojson", "range(3) is sequence", "range(0) == range(5, 5)", "range(10)|batch(3)|list", "range(3)|first ~ range(3)|last", "range(3)|sum", "range(3) * 2", "range(3) < range(4)", "range(4)[1:3] == range(1, 3)", "range(1, 2, 3)", "range(3).index(2)", "range(5)|reverse|list", "[range(2)]", "{range(2): 1}", "range is callable", "range(9)[1:7:2]", "range(-3)|length"],
    "dict": ["dict()", "dict(a=1, b='x')", "dict({'a': 1}, a=2)", "dict([['a', 1], ('b', 2)])", "dict(['ab'])", "dict([1])", "dict(1)", "dict({'a': 1}, {'b': 2})", "dict({'a': 1}.items())", "dict.fromkeys(['a', 'b'], 0)", "dict(missing)", "dict(namespace(a=1))", "dict is callable", "dict([[[1], 2]])", "dict(**{'a b': 1})"],
    "lipsum": ["lipsum()", "lipsum(1, false)"],
    "cycler": ["{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set _ = c.reset() %}{{ c.current }}{{ c.pos }}{{ c.items }}", "cycler()", "cycler(1).next(2)", "cycler(1)()", "{% set c = cycler(1, 2) %}{% for i in range(3) %}{{ c.next() }}{% endfor %}", "cycler", "cycler(a=1)", "cycler(1).nope", "cycler(1).reset()"],
    "joiner": ["{% set j = joiner() %}{{ j() }}a{{ j() }}b{{ j() }}c", "{% set j = joiner('|') %}{% for i in range(3) %}{{ j() }}{{ i }}{% endfor %}", "joiner(sep=1)() ~ 'x'", "joiner(1, 2)", "{% set j = joiner(sep=3) %}{{ j() }}{{ j() }}", "joiner().sep", "joiner()(1)", "joiner().used", "joiner is callable", "joiner() is callable"],
    "namespace": ["namespace(a=1).a", "namespace({'a': 1}, b=2).b", "namespace([['a', 1]]).a", "namespace(1)", "namespace().x", "namespace() is mapping", "{% set n = namespace(a=1) %}{% set n.a = n.a + 1 %}{% set n.b = 'x' %}{{ n.a }}{{ n.b }}{{ n['a'] }}", "namespace(a=1)|attr('a')", "namespace(items=3).items", "namespace() == namespace()", "namespace({'a': 1}, {'b': 1})", "namespace(a=1)|list", "namespace(a=1)|length", "{% set n = namespace() %}{% set n.a.b = 1 %}", "namespace(a=1)|items|list", "namespace({1: 2}).a is defined"],
    "raise_exception": ["raise_exception('x')"], "strftime_now": [],
}
MORE = ["{% macro m(a, b=2) %}{{ a }}{% endmacro %}{{ m }}|{{ m.name }}|{{ m.arguments }}", "{% for x in [1, 2] %}{{ loop }}{{ loop|length }}{{ loop is iterable }}{% endfor %}", "{% set g = [1, 2, 3]|map('string') %}{{ g|first }}{{ g|list }}{{ g|list }}", "{% set g = [1, 2, 3]|select %}{{ 1 in g }}{{ g|list }}", "{% set g = [1, 2]|map('string') %}{{ g.next }}", "{% set g = [1, 2]|map('string') %}{{ g|length }}",
        "{{ [1, 2]|reverse }}", "{{ {}.items() == {}.items() }}{{ {'a': 1}.keys() == {'a': 2}.keys() }}{{ {'a': 1}.values() == {'a': 1}.values() }}", "{{ {'a': 1}.items()|list }}{{ {'a': 1}.items()|first }}{{ {'a': 1}.keys()|last }}{{ {'a': 1}.values()|sum }}", "{{ 'a' in {'a': 1}.keys() }}{{ ('a', 1) in {'a': 1}.items() }}{{ 1 in {'a': 1}.values() }}", "{{ {'a': 1}.keys() + ['b'] }}", "{{ {'a': 1}.keys()|tojson }}", "{{ {'a': 1}.keys()[0] }}",
        "{{ {'a': 1}.keys() }}{{ {'a': 1}.values() }}{{ {'a': 1}.items() }}", "{% for g in people|groupby('age') %}{{ g.grouper }}:{{ g.list|length }}{{ g[0] }}{% endfor %}", "{{ people|groupby('age')|map(attribute='grouper')|list }}", "{{ (people|groupby('age'))[0] }}", "{% for k, v in {'a': 1}|dictsort %}{{ k }}{{ v }}{% endfor %}", "{{ 'abc'.encode }}", "{{ 'x'.upper }}", "{{ [1] is sameas [1] }}{% set x = [1] %}{{ x is sameas x }}",
        "{{ (-8) ** 0.5 }}", "{{ 2.0 ** 10000 }}", "{{ 10 ** -400 }}", "{{ 0.0 ** -1 }}", "{{ 7.5 // 0.1 }} {{ -7.5 // 2 }} {{ 1e300 * 1e300 }} {{ -7.5 % 0.1 }} {{ 5 // 0.0 }}", "{{ 9007199254740993 / 3 }} {{ 9223372036854775807 / 9223372036854775806 }} {{ 1 / 3 }} {{ -9007199254740993 / 2 }}", "{{ 9007199254740993 == 9007199254740992.0 }}{{ 9007199254740993 > 9007199254740992.0 }}", "{{ 'a' * true }}{{ true + true }}{{ -true }}{{ true * 2.5 }}", "{{ 1.0 }} {{ 1e22 }} {{ 1e-5 }} {{ 123456789.123456789 }} {{ 1e15 }} {{ 5e-324 }} {{ 0.1 + 0.2 }}",
        "{{ '99999999999999999999'|int }}", "{{ 1e30|int }}", "{{ (people|length * 1e308 * 1e3)|int }}", "{{ 'inf'|int(5) }} {{ 'nan'|float }} {{ 'Infinity'|float }} {{ '-inf'|float }} {{ '1_0'|float }} {{ '1__0'|float }} {{ '١٢'|int }} {{ '١.٥'|float }} {{ '0x1F'|int(0, 16) }} {{ '0b11'|int(0, 0) }} {{ '1_000'|int }} {{ '+5'|int }} {{ '- 5'|int }} {{ '5.'|float }} {{ '.5'|float }} {{ '1e3'|int }} {{ 'infinit'|float }} {{ '0o17'|int(0, 8) }} {{ 'z'|int(0, 36) }} {{ '012'|int(9, 0) }} {{ '1e5'|float }} {{ '\\u20031\\u2003'|int }}",
        "{{ 2.675|round(2) }} {{ 0.5|round }} {{ 1.5|round }} {{ 2.5|round }} {{ 1250|round(-2) }} {{ 1350|round(-2) }} {{ 1234.5|round(-2) }} {{ -2.5|round }} {{ (-2.5)|round }} {{ 1e16|round(2) }} {{ 5.015|round(2, 'ceil') }} {{ true|round }} {{ 2.5|round(none) }} {{ 1e300|round(3) }}", "{{ [0.1] * 10 }}{{ ([0.1] * 10)|sum }}",
        "{{ -2.5 is even }}{{ 2.0 is even }}{{ 3.0 is odd }}{{ true is odd }}{{ '%d' is even }}{{ 7.5 is divisibleby 2.5 }}{{ 4 is divisibleby(true) }}", "{{ 'a' is even }}", "{{ none|indent(2) }}", "{{ missing|indent(2) }}", "{{ ['x']|indent }}", "{{ [1]|truncate }}{{ missing|truncate }}", "{{ [1] * 300|int }}", "{{ {[1]: 2} }}", "{{ [1] in {} }}", "{{ {'a': 1}[[1]] }}", "{{ {missing: 1} }}", "{{ {1: 'a', true: 'b', 1.0: 'c'} }}", "{{ {(1, [2]): 3} }}",
        "{{ [[1], [1]]|unique|list }}", "{{ [1, true, 1.0, 'a', 'A']|unique|list }}", "{{ {'a': nan}|tojson }}{{ {1.5: 2, none: 3, true: 4, 1: 5}|tojson }}", "{% set x = people|length * 1e308 * 1e3 %}{{ {x: 1, -x: 2, x - x: 3}|tojson }}{{ [x, -x, x - x]|tojson }}{{ x|round }}{{ x|string }}", "{{ {(1, 2): 3}|tojson }}", "{{ {'b': 1, 'a': 2}|tojson(sort_keys=true) }}{{ {'b': 1, 2: 2}|tojson(sort_keys=true) }}", "{{ '\\x7f\\u2028é\\U0001F600'|tojson(ensure_ascii=true) }}{{ '\\x7f\\u2028é\\U0001F600\\x00'|tojson }}", "{{ ['\\x00', '\\u0378', '\\u200b', '\\xad', '\\u3000'] }}",
        "{{ '%(a)s %(b)d' % {'a': 1, 'b': 2} }}", "{{ '%(a)s'|format(a='x') }}", "{{ '<%s>'|safe|format('<') }}{{ ('<{}>'|safe).format('<') }}{{ ('{a}'|safe).format_map({'a': '<'}) }}{{ ('a\\tb'|safe).expandtabs() + '<' }}{{ ('ab'|safe).translate({97: '<'}) + '<' }}{{ ('AB'|safe).casefold() + '<' }}", "{{ ('<b>x &amp; y</b>'|safe).striptags() }}", "{{ ('&lt;'|safe).unescape() }}", "{{ ('a'|safe).escape('<') }}", "{{ 'ab'|safe|truncate(3, true, '<', 0) }}{{ 'abcdef'|safe|truncate(3, true, '<', 0) }}",
        "{{ {'a b': 1}|urlencode }} {{ 'a b/c?&=é'|urlencode }} {{ [('a', 'b c'), ['d/', 2]]|urlencode }} {{ 5|urlencode }} {{ none|urlencode }} {{ missing|urlencode }}", "{{ [1]|urlencode }}", "{{ ['abc']|urlencode }}", "{{ 0|filesizeformat }} {{ 1|filesizeformat }} {{ 999|filesizeformat }} {{ 1000|filesizeformat }} {{ 123456789|filesizeformat }} {{ 123456789|filesizeformat(true) }} {{ '1e30'|filesizeformat }} {{ 1.5|filesizeformat }} {{ -5000|filesizeformat }}", "{{ {'class': 'a<', 'x': none, 'id': 5, 'y': missing}|xmlattr }}|{{ {}|xmlattr }}", "{{ {'a b': 1}|xmlattr }}", "{{ {1: 2}|xmlattr }}",
        "{{ strftime_now('%H:%M %Z|%z|%f|%P|%r') }}", "{{ strftime_now() }}", "{{ strftime_now(5) }}", "{{ strftime_now('%d %b %Y', 1) }}", "{{ strftime_now(format='%Y') }}", "{{ strftime_now('é %Y 日') }}", "{{ strftime_now('') }}|{{ strftime_now('%') }}|{{ strftime_now('%%') }}|{{ strftime_now('%5Y|%-d|%_d|%^a|%#Z|%010Y|%-H|%-m|%-y|%_5S|%^B|%#p|%0e|%+') }}"]
STRFTIME = [f"strftime_now('%{flag}{code}')" for flag in ("", "-") for code in "aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ%"] + ["strftime_now('%Ey %EY %Od %OH %Ex %Oe')", "strftime_now('%:z|%::z|%.f|%3f')"]


def call(name, arguments):
    return f"v.{name}({arguments})"


def groups():
    def public(kind):
        return {name for name in dir(kind) if not name.startswith("_")}

    def known(what, have, listed):
        if set(have) != set(listed):
            sys.exit(f"{what}: without cases, or no more: {sorted(set(have) ^ set(listed))}")

    known("str", public(str), STR)
    yield "methods of str", STR_VALUES, [call(name, "") for name in STR]
    for name, special in STR.items():
        yield "str." + name, ["'abcabc'", "'a,b,,cé'", "'Aa\\tb{a}'"] if special else ["'abc'"], [call(name, a) for a in BATTERY[1:] + special] + ["v." + name + " is callable"]
    yield "%", FORMAT_ARGUMENTS, [f"'{f}' % v" for f in FORMATS] + [f"'{f}'|format(v)" for f in ("%s", "%(a)s")]
    yield "format", [""], [f"'{f}'.format({a})" for f in BRACES for a in BRACE_ARGUMENTS]
    for kind, (values, methods) in COLLECTIONS.items():
        known(kind.__name__, public(kind), methods)
        yield kind.__name__, values, [call(name, a) for name in methods for a in BATTERY[:8] + methods[name]] + ["v." + name for name in methods if kind not in (list, dict, tuple, range) or name in ("start", "stop", "step")]
    known("filters", ENV.filters, FILTERS)
    yield "filters", VALUES, [f"v|{name}" for name in FILTERS]
    for name, special in FILTERS.items():
        yield "filter " + name, VALUES if special else ["'abc'", "[1]"], [f"v|{name}({a})" + ("|list" if name in ("batch", "slice", "map", "select", "reject", "selectattr", "rejectattr", "unique", "items") else "") for a in special] or [f"v|{name}({FILTER_BATTERY[0]})"]
        yield "filter " + name + ", wrong arguments", ["'abc'", "[1]", "5"], [f"v|{name}({a})" for a in FILTER_BATTERY]
    yield "lazy filters", VALUES, [f"v|{name}|list" for name in ("items", "reverse", "unique", "map", "select", "reject")]
    known("tests", ENV.tests, [t for t in ENV.tests if t in TESTS or t in COMPARISONS or t not in COMPARISONS])
    plain = [t for t in ENV.tests if t not in TESTS and t not in COMPARISONS]
    yield "tests", TEST_VALUES, [f"v is {t}" for t in plain]
    yield "tests, wrong arguments", ["5"], [f"v is {t}({a})" for t in plain for a in ("1", "x=1")] + [f"v is {t}" for t in TESTS] + [f"v is {t}(1, 2)" for t in TESTS]
    yield "tests with arguments", TEST_VALUES, [f"v is {t}{a}" for t, special in TESTS.items() for a in special]
    yield "comparing tests", TEST_VALUES[:16] + ["missing", "range(4)"], [f"[v]|select('{t}', {a[1:-1]})|list" for t in COMPARISONS for a in COMPARED]
    yield "operators", OPERANDS, [f"v {o} {w}" if "|" not in w else f"v {o} ({w})" for o in OPERATORS for w in OPERANDS]
    yield "items and attributes", INDEXED, INDICES
    known("globals", set(ENV.globals), GLOBALS)
    for name, forms in GLOBALS.items():
        yield "global " + name, [""], forms
    yield "more", [""], MORE + STRFTIME


PREDICATES = ["isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper"]
MAPPINGS = ["upper", "lower", "title", "capitalize", "casefold", "swapcase"]
BLOCK = 2048
# x: the character alone; in words: behind a letter, before one, and in the places that decide about a final sigma.
UNICODE_FORMS = ([f"{{% for c in text %}}{{{{ c.{p}()|int }}}}{{% endfor %}}" for p in PREDICATES] + [f"{{% for c in text %}}{{{{ ('a' ~ c).{p}()|int }}}}{{% endfor %}}" for p in ("isidentifier", "isupper", "islower", "istitle")]
                 + [f"{{% for c in text %}}{{{{ c.{m}() }}}}|{{% endfor %}}" for m in MAPPINGS] + [f"{{% for c in text %}}{{{{ ('a' ~ c ~ 'b').{m}() }}}}|{{% endfor %}}" for m in ("title", "capitalize")]
                 + ["{% for c in text %}{{ ('aΣ' ~ c).lower() }}{{ (c ~ 'Σ').lower() }}{{ ('aΣ' ~ c ~ 'b').lower() }}|{% endfor %}", "{% for c in text %}{{ ('x' ~ c ~ 'x').split()|length }}{{ ('x' ~ c ~ 'x').splitlines()|length }}{{ (c ~ 'y')|wordcount }}{% endfor %}", "{{ [text] }}"])


def assigned():
    """Ranges of the code points that this Python's Unicode has names for, without private ones."""
    ranges = []
    for c in range(0x110000):
        if unicodedata.category(chr(c)) in ("Cn", "Cs", "Co"):
            continue
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    return ranges


def blocks(ranges):
    found = {}
    for first, last in ranges:
        for c in range(first, last + 1):
            found.setdefault(c // BLOCK, []).append(chr(c))
    return sorted((block, "".join(text)) for block, text in found.items())


def unicode_golden():
    ranges = assigned()
    templates = [ENV.from_string(form) for form in UNICODE_FORMS]
    digests = {}
    for block, text in blocks(ranges):
        digests[f"{block * BLOCK:X}"] = "".join(hashlib.sha256(t.render(text=text).encode()).hexdigest()[:4] for t in templates)
    return {"unicode": unicodedata.unidata_version, "block": BLOCK, "forms": UNICODE_FORMS, "assigned": ",".join(f"{a:X}-{b:X}" if a != b else f"{a:X}" for a, b in ranges), "digests": digests}


def check(command):
    with tempfile.TemporaryDirectory() as folder:
        def ours(template, context):
            path = os.path.join(folder, "t.jinja")
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(template)
            with open(os.path.join(folder, "m.json"), "w") as file:
                file.write("[]")
            run = subprocess.run([command, "template", "--template", path, "--messages", os.path.join(folder, "m.json"), "--kwargs", json.dumps(context), "--now", NOW.isoformat()], capture_output=True)
            return run.stdout.decode() if run.returncode == 0 else None, run.stderr.decode()

        bad = 0
        for block, text in blocks(assigned()):
            for form in UNICODE_FORMS:
                want, (got, error) = ENV.from_string(form).render(text=text), ours(form, {"text": text})
                if want != got:
                    bad += 1
                    parts = [(w, g) for w, g in zip(want.split("|"), (got or "").split("|")) if w != g] if "|" in want else [(hex(ord(text[i])), w, g) for i, (w, g) in enumerate(zip(want, got or "")) if w != g]
                    print(f"{block * BLOCK:X}: {form}: {parts[:20]} {error}")
        for name, values, forms in groups():
            for value in values:
                for form in forms:
                    want, (got, error) = evaluate(value, form), ours(cell(value, form), CONTEXT)
                    if want != got:
                        bad += 1
                        print(f"{name}: {cell(value, form)}\n  wanted {want!r}\n  got    {got!r} {error.strip()}")
        print(bad, "differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out")
    parser.add_argument("--check")
    args = parser.parse_args()
    if args.check:
        return check(args.check)
    golden = {"versions": {"jinja2": jinja2.__version__, "python": sys.version.split()[0]}, "now": NOW.isoformat(), "context": CONTEXT,
              "groups": [{"name": name, "values": values, "forms": forms, "texts": [[0 if text is None else text for text in (evaluate(value, form) for form in forms)] for value in values]} for name, values, forms in groups()]}
    for name, content in (("jinja_surface.json", golden), ("jinja_unicode.json", unicode_golden())):
        with open(os.path.join(args.out, name), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=True, separators=(",", ":"))
            file.write("\n")


if __name__ == "__main__":
    main()
