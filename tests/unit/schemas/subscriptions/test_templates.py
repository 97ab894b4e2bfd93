import time

import pytest

from causeline.schemas.subscriptions.templates import MAX_TEMPLATE, TemplateFailed, check_template, render

PAYLOAD = {"type": "event.created", "data": {"title": 'say "hi"', "tags": {"a": "b"}, "list": list(range(100)), "long": "x" * 100_000}}
LONG = "{% set a = data.long %}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ type }}", "event.created"),
        ('{"text": {{ data.title | tojson }}}', '{"text": "say \\"hi\\""}'),
        ("{% for key, value in data.tags.items() %}{{ key }}={{ value }};{% endfor %}", "a=b;"),
        ("{% if data.title %}{{ data.title | upper }}{% else %}none{% endif %}", 'SAY "HI"'),
        ("{{ data.nothing.below | default('-') }}{{ data.nothing }}", "-"),
        ("{{ data.title ~ '!' }}", 'say "hi"!'),
        ("{{ [1, 2] | join(', ') }}{{ {'a': 1} | tojson }}", '1, 2{"a": 1}'),
        ("{{ data.list | length + 1 }}", "101"),
        ("<b>{{ data.title }}</b>", '<b>say "hi"</b>'),
        ("{{ data.list[:3] }}", "[0, 1, 2]"),
    ],
)
def test_a_template_fills_its_holes(template: str, expected: str) -> None:
    assert render(template, PAYLOAD) == expected


HOSTILE = [
    "{% for a in data.list %}" * 4 + "{% endfor %}" * 4,
    "{% for i in data.long %}{{ data.long in data.long }}{% endfor %}",
    LONG + "{% set a = a ~ a %}" * 40 + "{{ a | length }}",
    "{% set x = [data.list] %}" + "{% set x = [x, x, x, x, x, x, x, x] %}" * 30 + "{{ x | length }}",
    "{% set x = {'a': 1} %}" + "{% set x = {'a': x, 'b': x, 'c': x} %}" * 30 + "{{ x }}",
    "{% set x = (1, 2) %}" + "{% set x = (x, x, x) %}" * 30 + "{% set y = (1, 2) %}" + "{% set y = (y, y, y) %}" * 30 + "{{ x == y }}",
    "{{ data.long | replace('x', data.long) }}",
    "{{ data.list | join(data.long) }}",
    "{{ data.list | tojson(indent=100000000) }}",
    "{{ 'a' | truncate(99, True, data.long ~ data.long ~ data.long) ~ data.long ~ data.long }}" * 3,
    "{{ 10 | round(99999999) }}",
    "{{ '%99999999d' % 1 }}",
    "{{ 2 ** 99999999 }}",
    "{{ 'x' * 999999999 }}",
    "{{ 'a'.ljust(99999999) }}",
    "{{ range(99999999) | list }}",
    "{{ lipsum(1000) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for a in data.list recursive %}{{ loop(data.list) }}{% endfor %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{{ _meter.steps_left }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ data.__init__.__globals__() }}",
    "{{ data.update({'a': 1}) }}",
    "{{ data.list.append(1) }}",
    "{{ data | attr('__class__') }}",
    "{{ " + "(" * 4_000 + "1" + ")" * 4_000 + " }}",
    "{{ " + "-" * 9_000 + "1 }}",
    "x" * (MAX_TEMPLATE + 1),
    "{{ data.long }}{{ data.long }}{{ data.long }}",
    "{{",
    "{% for %}",
]


@pytest.mark.parametrize("template", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_template_fails_and_takes_no_time(template: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateFailed):
        render(template, PAYLOAD)
    assert time.process_time() - began < 2.0


LARGE = {
    "data": {"list": list(range(300_000)), "rows": [{"a": 0}] * 20_000, "text": "a" * 1_000_000, "map": {str(i): i for i in range(50_000)}}
}
LOOKING = [
    "{{ 'x' in data.list }}" * 500,
    "{{ data.list == data.list[:] }}" * 500,
    "{% for i in data.list %}{% if data.list[1:] %}{% endif %}{% endfor %}",
    "{% for i in data.list %}{% if 'aab' in data.text %}{% endif %}{% endfor %}",
    "{% for i in data.list %}{% if data.text is lower %}{% endif %}{% endfor %}",
    "{% for i in data.list %}{% if 'x' is in(data.list) %}{% endif %}{% endfor %}",
    "{% for i in data.list %}{% if -1 in data.map.values() %}{% endif %}{% endfor %}",
    "{{ data.rows | sort(attribute='" + "a." * 7_000 + "a') | length }}",
    "{{ data.rows | unique(attribute='" + "a." * 7_000 + "a') | length }}",
    "{{ 0 | round(3000000, 'ceil') }}",
]


@pytest.mark.parametrize("template", LOOKING, ids=range(len(LOOKING)))
def test_what_looks_at_everything_pays_for_it(template: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateFailed, match="too many steps"):
        render(template, LARGE)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("template", ["{{ data.get }}", "{{ [data.items] }}", "{% for a in [1] %}{{ loop }}{% endfor %}"])
def test_what_is_no_value_is_not_shown(template: str) -> None:
    with pytest.raises(TemplateFailed, match="is not a value"):
        render(template, PAYLOAD)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ 1 < 2 < 3 }}{{ data.title == 'x' }}{{ 'say' in data.title }}", "TrueFalseTrue"),
        (
            "{{ data.no.where is defined }}{{ data.title is none }}{{ 4 is divisibleby(2) }}{{ 'b' in data.tags.values() }}",
            "FalseFalseTrueTrue",
        ),
        ("{% for a in [1, 2] %}{{ loop.index }}{{ loop.last }}{% endfor %}", "1False2True"),
        ("{{ data.list[:2] | sort(reverse=True) }}{{ 2.345 | round(2) }}", "[1, 0]2.35"),
    ],
)
def test_comparing_testing_and_slicing_mean_what_they_meant(template: str, expected: str) -> None:
    assert render(template, PAYLOAD) == expected


@pytest.mark.parametrize("template", ["{{ ''.__class__ }}", "{{ data.__class__ }}", "{{ data['__init__'] }}"])
def test_what_is_not_of_the_payload_is_empty(template: str) -> None:
    assert render(template, PAYLOAD) == ""


def test_one_rendering_takes_nothing_from_the_next() -> None:
    template = "{% for a in data.list %}{% for b in data.list %}{{ a }}{% endfor %}{% endfor %}"
    assert [len(render(template, PAYLOAD)) for _ in range(3)] == [19_000] * 3


def test_a_template_is_checked_with_each_kind_of_record() -> None:
    check_template("{{ data.title }} {{ data.tags.team }} {{ data | tojson }}")
    with pytest.raises(TemplateFailed, match="line 1"):
        check_template("{{ data.title | shell }}")
    with pytest.raises(TemplateFailed, match="numbers"):
        check_template("{% if type == 'test' %}{{ data.title + 1 }}{% endif %}")


@pytest.mark.parametrize(
    "template",
    [
        "{{ causes.verdict }}: {{ causes.causes[0].title }}",
        "{% if causes %}{{ causes.none_probability + 1 }}{% endif %}",
        "{% for cause in data.causes %}{{ cause.event.title }} {{ cause.reasons[0].text }}{% endfor %}",
    ],
)
def test_a_template_shows_causes(template: str) -> None:
    check_template(template)


def test_a_template_that_needs_causes_is_refused_since_there_may_be_none() -> None:
    with pytest.raises(TemplateFailed):
        check_template("{{ causes.none_probability + 1 }}")
