//! What templates must not do: go on for ever, grow without end, or differ from time to time.

use serde_json::{Value, json};

use super::templates::tests::Bench;
use super::{Language, MemberRules};

/// The error of a template for a row with a column `a`.
fn stopped(template: &str, files: &[(&str, &str)]) -> String {
    let long = "x".repeat(60_000);
    let mut bench = Bench::new(&["a", "lang"], &json!({"list": [[1, 2], [3, 4]]}), files);
    match bench
        .templates
        .compile("/root", &json!({"x": format!("{template}{{{{ a }}}}")}))
    {
        Err(errors) => errors[0].message.clone(),
        Ok(tree) => match bench.render::<Value>(&tree, &[&long, "nb"]) {
            Err(errors) => {
                assert_eq!(errors[0].pointer, "/root/x");
                errors[0].message.clone()
            }
            Ok(value) => panic!("{template} renders to {} bytes", value.to_string().len()),
        },
    }
}

const WORK: &str = "the template is more work than any letter, and was stopped";
const VALUE: &str = "a value in the template grows past 128 KB";

#[test]
fn loops_without_an_end_are_stopped() {
    let range = "range(end=10000)";
    for template in [
        format!("{{% for i in {range} %}}{{% for j in {range} %}}{{% for k in {range} %}}{{% endfor %}}{{% endfor %}}{{% endfor %}}"),
        format!("{{% for i in {range} -%}} {{%- for j in {range} -%}} {{%- endfor -%}} {{%- endfor %}}"),
        format!("{{% for i in {range} %}}{{% for j in a %}}{{% if j == 'y' %}}{{% break %}}{{% endif %}}{{% endfor %}}{{% endfor %}}"),
        format!("{{% for i in {range} %}}{{% if a | upper == 'x' %}}{{% endif %}}{{% endfor %}}"),
        format!("{{% for i in {range} %}}{{% if {range} | sort | length == 1 %}}{{% endif %}}{{% endfor %}}"),
        "{% for i in range(end=1000) %}{% if range(end=1000) | unique == a %}{% endif %}{% endfor %}".to_owned(),
        format!("{{% for i in {range} %}}{{% if '2026-01-01' | plus(workdays=9999) == a %}}{{% endif %}}{{% endfor %}}"),
        format!("{{% for i in {range} %}}{{% for j in {range} %}}{{% if '{}' | upper == a %}}{{% endif %}}{{% endfor %}}{{% endfor %}}", "[".repeat(200_000)),
    ] {
        assert_eq!(stopped(&template, &[]), WORK, "{}", &template[..80]);
    }
    let endless = stopped("{% for i in range(end=100000000) %}{% endfor %}", &[]);
    assert_eq!(endless, "`range` gives at most 10000 numbers");
}

#[test]
fn values_that_grow_are_stopped() {
    let doubled = "{% set_global s = s ~ s %}";
    for template in [
        format!("{{% set s = 'xx' %}}{{% for i in range(end=100) %}}{doubled}{{% endfor %}}"),
        format!("{{% set s = a %}}{}", doubled.repeat(40)),
        "{% set s = [1, 1] %}".to_owned()
            + &"{% set s = [s, s] %}".repeat(40)
            + "{% if s == s %}{% endif %}",
        "{% set s = {'a': 1} %}".to_owned() + &"{% set s = {'a': s, 'b': s} %}".repeat(40),
        "{% set s = list %}".to_owned() + &"{% set s = [...s, ...s, ...s] %}".repeat(40),
        "{{ a | replace(from='x', to=a) | length }}".to_owned(),
        "{{ a | split(pat='x') | join(sep=a) | length }}".to_owned(),
        "{{ [a, a, a] | str | length }}".to_owned(),
        "{% set s = a | split(pat='') %}{% set s = [s, s, s] %}".to_owned(),
    ] {
        assert_eq!(stopped(&template, &[]), VALUE, "{template}");
    }
    let kept = "{% for i in range(end=10000) %}{% set s = a ~ i %}{% endfor %}";
    assert_eq!(
        stopped(kept, &[]),
        "the template keeps more than 32 MB of values"
    );
    assert_eq!(
        stopped("{% for i in range(end=100) %}{{ a }}{% endfor %}", &[]),
        "the template renders to more than 1 MB"
    );
}

#[test]
fn files_that_include_files_without_end_are_stopped() {
    let again = |next: &str| format!("{{% include '{next}.md' %}}").repeat(10);
    let names: Vec<_> = (0..30).map(|number| format!("{number}.md")).collect();
    let texts: Vec<_> = (1..=30).map(|number| again(&number.to_string())).collect();
    let mut files: Vec<_> = names
        .iter()
        .map(String::as_str)
        .zip(texts.iter().map(String::as_str))
        .collect();
    files[12].1 = "{{ a }}";
    assert_eq!(
        stopped("{% include '0.md' %}", &files[..13]),
        "the template includes files that include files without end"
    );
    files[12].1 = &texts[12];
    files[29].1 = "{{ a }}";
    assert_eq!(
        stopped("{% include '0.md' %}", &files),
        "files include each other more than 20 deep"
    );
    let circle = [
        ("0.md", "{% include '1.md' %}"),
        ("1.md", "{{ a }}{% include '0.md' %}"),
    ];
    assert_eq!(
        stopped("{% include '0.md' %}", &circle),
        "the template includes itself"
    );
}

#[test]
fn what_has_no_limit_in_the_language_is_refused() {
    for template in [
        "{% extends 'a.md' %}",
        "{% block a %}{{ super() }}{% endblock %}",
        "{% component A() %}{{ <A /> }}{{ <A /> }}{% endcomponent %}",
        "{% set x %}{% for i in range(end=9999) %}{{ a }}{% endfor %}{% endset %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ [i for i in range(end=9999)] }}",
        "{{ __round() }}",
        "{{ a | __kept }}",
        "{{ get_env(name='HOME') }}",
        "{{ get_random(start=0, end=9) }}",
        "{{ a | group_by(attribute='b') }}",
    ] {
        let message = stopped(template, &[]);
        assert!(
            message.contains("taken") || message.starts_with("unknown"),
            "{template}: {message}"
        );
    }
}

/// An update of Tera cannot bring anything in: what is not on the reference page is refused, also when Tera has it.
#[test]
fn only_what_is_on_the_reference_page_can_be_used() {
    for (template, message) in [
        ("{{ a | indent }}", "unknown filter `indent`"),
        ("{{ a | escape }}", "unknown filter `escape`"),
        ("{{ random() }}", "unknown function `random`"),
        ("{% if a is testing %}{% endif %}", "unknown test `testing`"),
    ] {
        assert_eq!(stopped(template, &[]), message);
    }
    assert!(super::reference().contains("| upper"));
}

#[test]
fn mistakes_behind_what_is_counted_have_their_place() {
    let mut bench = Bench::new(&["a"], &json!({}), &[]);
    let text = "å{% set x = a %}{% for y in [1] %}å{{ y | date }}{% endfor %}";
    let tree = bench.tree(&json!(text));
    let errors = bench.render::<String>(&tree, &["x"]).unwrap_err();
    assert_eq!((errors[0].line, errors[0].column), (1, 43));
    assert_eq!(&text[errors[0].span.clone()], "date");
    let error = bench.refused("{% for y in [1] %}\n{% set x = a ~ %}{% endfor %}");
    assert_eq!(error.line, 2);
}

#[test]
fn the_same_row_is_the_same_text_every_time_and_everywhere() {
    let template = "{% for h, v in row %}{{ h }}={{ v }};{% endfor %}{{ map }}{{ map | keys | join }}\
        {{ now() | plus(workdays=3) }}{{ [3, 1] | sort | str }}{% include 'x.md' %}";
    let headers: Vec<_> = (0..40).map(|number| format!("h{number}")).collect();
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    let map: serde_json::Map<_, _> = (0..40)
        .map(|number| (format!("k{number}"), json!(number)))
        .collect();
    let render = || {
        let mut bench = Bench::new(
            &headers,
            &json!({"map": map}),
            &[("x.md", "{{ row.h7 | money }}")],
        );
        let tree = bench.tree(&json!({"x": template}));
        let row = vec!["1"; 40];
        let value: Value = bench.render(&tree, &row).unwrap();
        assert_eq!(value, bench.render::<Value>(&tree, &row).unwrap());
        value.to_string()
    };
    let first = render();
    assert!(first.contains("h38=1;h39=1;"), "{first}");
    assert_eq!(first, render());
}

#[test]
fn only_markdown_is_escaped() {
    let files = [
        ("x.md", "# {{ a }}\n{% include 'y.md' %}"),
        ("y.md", "{{ a }} {{ a | safe }}"),
        ("nb.md", "{{ row['a'] }}"),
    ];
    let mut bench = Bench::new(
        &["a", "lang"],
        &json!({"own": "*own*", "owns": ["_a_", "_b_"]}),
        &files,
    );
    bench.templates = bench.templates.with_member_rules(MemberRules {
        markdown: &["/root/body", "/root/file", "/root/row"],
        own_keys: &[],
    });
    let tree = bench.tree(&json!({
        "title": "{{ a }}",
        "body": "{{ a }}",
        "file": {"file": "x.md"},
        "row": {"file": "{{ lang }}.md"},
        "rowTitle": {"x": {"file": "{{ lang }}.md"}},
        "deeper": {"body": "{{ own }} {{ owns | join(sep=', ') }} {{ a }}"}
    }));
    let value: Value = bench.render(&tree, &["*1*", "nb"]).unwrap();
    assert_eq!(
        value,
        json!({
            "title": "*1*",
            "body": "\\*1\\*",
            "file": "# \\*1\\*\n\\*1\\* *1*",
            "row": "\\*1\\*",
            "rowTitle": {"x": "*1*"},
            "deeper": {"body": "*own* _a_, _b_ *1*"}
        })
    );
    let own = bench.templates.compile(
        "/root",
        &json!({"body": "{{ own }} {{ owns | join(sep=', ') }} {{ '*' ~ a }}"}),
    );
    let value: Value = bench.render(&own.unwrap(), &["x", "nb"]).unwrap();
    assert_eq!(value, json!({"body": "*own* _a_, _b_ \\*x"}));
}

#[test]
fn values_stay_in_the_heading_or_the_cell_they_stand_in() {
    let mut bench = Bench::new(
        &["a"],
        &json!({}),
        &[(
            "x.md",
            "# {{ a }}\n\n| x |\n|---|\n| {{ a }} |\n\nHei {{ a }}",
        )],
    );
    bench.templates = bench.templates.with_member_rules(MemberRules {
        markdown: &["/root/body"],
        own_keys: &[],
    });
    let tree = bench.tree(&json!({"body": {"file": "x.md"}}));
    let value: Value = bench.render(&tree, &["Kari\n# Ola\n"]).unwrap();
    let body = "# Kari # Ola\n\n| x |\n|---|\n| Kari # Ola |\n\nHei Kari\\\n\\# Ola";
    assert_eq!(value, json!({"body": body}));
}

#[test]
fn a_text_that_is_no_number_is_told_apart_from_what_is_said_of_it() {
    let mut bench = Bench::new(&["a"], &json!({}), &[]);
    for (template, text, message) in [
        ("{{ a | int }}", "x` y", "`int` needs a whole number"),
        (
            "{{ a | float }}",
            "NaN",
            "`float` needs a number such as 1234.5",
        ),
        (
            "{{ a | float }}",
            "1e400",
            "`float` needs a number such as 1234.5",
        ),
    ] {
        let tree = bench.tree(&json!({"x": template}));
        let errors = bench.render::<Value>(&tree, &[text]).unwrap_err();
        assert_eq!(errors[0].message, message);
        assert_eq!(errors[0].cause.as_deref(), Some(&*format!("`{text}`")));
    }
}

#[test]
fn dates_and_amounts_are_written_in_the_letters_language() {
    let mut bench = Bench::new(&["a", "lang"], &json!({"frist": "2026-12-15"}), &[]);
    let language = bench
        .templates
        .compile_text("/language", "{{ lang }}")
        .unwrap();
    bench.templates.set_language(&language);
    let text = bench
        .templates
        .compile_text("/x", "{{ frist | date(form='weekday') }}")
        .unwrap();
    assert_eq!(text.columns(), ["lang"]);
    let mut scope = bench.templates.begin(1, |_| "");
    for (language, written) in [
        (Language::Nb, "tirsdag 15. desember 2026"),
        (Language::Nn, "tysdag 15. desember 2026"),
        (Language::En, "Tuesday 15 December 2026"),
    ] {
        scope.set_language(language);
        assert_eq!(bench.templates.render_text(&text, &scope).unwrap(), written);
    }
    let english = bench.templates.compile_text("/language", "en-GB").unwrap();
    bench.templates.set_language(&english);
    let mut bench = Bench::new(&["a"], &json!({}), &[]);
    bench.templates.set_language(&english);
    let text = bench
        .templates
        .compile_text("/x", "{{ a | money }}")
        .unwrap();
    let scope = bench.templates.begin(1, |_| "1234.5");
    assert_eq!(
        bench.templates.render_text(&text, &scope).unwrap(),
        "1,234.50"
    );
}

#[test]
fn parts_are_there_when_they_are_to_be() {
    let mut bench = Bench::new(&["a", "b"], &json!({"no": false}), &[]);
    bench.templates = bench.templates.with_member_rules(MemberRules {
        markdown: &[],
        own_keys: &["own"],
    });
    let tree = bench.tree(&json!({
        "part": {
            "when": "{{ a != '' }}",
            "date": "{{ a | date }}",
            "list": [
                {"when": "{{ b == 'y' }}", "x": "{{ b | upper }}"},
                {"when": true, "x": "1"},
                {"when": false, "x": "2"},
                {"when": "{{ no }}", "x": "3"}
            ]
        },
        "own": {"when": "{{ b }}"}
    }));
    for (row, value) in [
        (["", "y"], json!({"own": {"when": "y"}})),
        (
            ["2026-12-15", "n"],
            json!({"part": {"date": "15. desember 2026", "list": [{"x": "1"}]}, "own": {"when": "n"}}),
        ),
        (
            ["2026-12-15", "y"],
            json!({"part": {"date": "15. desember 2026", "list": [{"x": "Y"}, {"x": "1"}]}, "own": {"when": "y"}}),
        ),
    ] {
        assert_eq!(bench.render::<Value>(&tree, &row).unwrap(), value);
    }
    let tree = bench.tree(&json!({"part": {"when": "{{ a }}", "x": "{{ b | date }}"}}));
    let errors = bench.render::<Value>(&tree, &["ja", "z"]).unwrap_err();
    assert_eq!(
        errors.len(),
        1,
        "what the condition is about is not read: {errors:?}"
    );
    assert_eq!(errors[0].pointer, "/root/part/when");
    assert_eq!(errors[0].cause.as_deref(), Some("rendered `ja`"));
    let errors = bench
        .templates
        .compile("/root", &json!({"x": {"when": "maybe", "y": "{{ z }}"}}))
        .unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
}
