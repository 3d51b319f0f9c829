//! What templates do: the same every time, escaped where they are Markdown, and no more than a letter is long.

use serde_json::{Value, json};

use super::templates::tests::Bench;

#[test]
fn a_text_that_does_not_end_is_stopped() {
    let mut bench = Bench::new(&["a"], &json!({}), &[("x.md", "{{ a }}")]);
    for template in [
        "{% for i in range(end=9999) %}{{ a }}{% for j in range(end=20) %}{% include 'x.md' %}{% endfor %}{% endfor %}",
        "{% set s = a %}{% for i in range(end=100) %}{% set_global s = s ~ s %}{{ s }}{% endfor %}",
    ] {
        let tree = bench.tree(&json!({"x": template}));
        let errors = bench.render::<Value>(&tree, &["0123456789"]).unwrap_err();
        assert_eq!(errors[0].message, "the template renders to more than 1 MB");
        assert_eq!(errors[0].place.pointer, "/root/x");
    }
}

#[test]
fn all_of_tera_can_be_used() {
    let files = [
        (
            "base.md",
            "# {% block title %}Brev{% endblock %}\n\n{% block text %}{% endblock %}Hilsen {{ a }}",
        ),
        (
            "brev.md",
            "{% extends 'base.md' %}{% block title %}{{ super() }} til {{ Språk }}{% endblock %}{% block text %}*{{ a }}*\n{% endblock %}",
        ),
        (
            "parts.md",
            "{% component Sum(value, unit=\"kr\") %}{{ unit }} {{ value }}{% endcomponent %}{% component Greeting(@a) %}Hei {{ a }}!{% endcomponent %}",
        ),
        ("sub.md", "{{ x }}"),
    ];
    let mut bench = Bench::new(&["a", "Språk"], &json!({}), &files);
    for (template, rendered) in [
        (
            "{% include 'parts.md' %}{{ <Sum value={a} /> }} {{ <Sum value=\"2\" unit=\"øre\" /> }}",
            "kr 1 øre 2",
        ),
        ("{% include 'parts.md' %}{{ <Greeting /> }}", "Hei 1!"),
        ("{% set x %}<{{ a }}>{% endset %}{{ x }}{{ x }}", "<1><1>"),
        ("{% set x | upper %}a{{ a }}{% endset %}{{ x }}", "A1"),
        ("{% filter upper %}a{{ Språk }}{% endfilter %}", "ANB"),
        ("{{ [i * 2 for i in range(end=3)] }}", "[0, 2, 4]"),
        ("{% set x = a %}{% include 'sub.md' %}", "1"),
        (
            "{% for i in range(end=20000) %}{% if loop.last %}{{ i }}{% endif %}{% endfor %}",
            "19999",
        ),
        ("{{ a | indent(width=2, first=true) }}", "  1"),
    ] {
        let tree = bench.tree(&json!({"x": template}));
        let value: Value = bench.render(&tree, &["1", "nb"]).unwrap();
        assert_eq!(value, json!({"x": rendered}), "{template}");
    }
    let tree = bench.tree(&json!({"body": {"file": "brev.md"}, "plain": {"file": "brev.md"}}));
    assert_eq!(tree.columns("/root/body"), ["a", "Språk"]);
    let value: Value = bench.render(&tree, &["1. *x*", "nb"]).unwrap();
    assert_eq!(
        value,
        json!({
            "body": "# Brev til nb\n\n*1&amp;#46; \\*x\\**\nHilsen 1. \\*x\\*",
            "plain": "# Brev til nb\n\n*1. *x**\nHilsen 1. *x*"
        })
    );
}

#[test]
fn the_own_text_of_a_template_is_known_whether_it_is_markdown_or_not() {
    let mut bench = Bench::new(&["a"], &json!({}), &[("x.md", "Fra {{ a }}")]);
    let tree = bench.tree(&json!({
        "body": "*Hei* {{ a }}!", "title": "Hei {{ a }}", "file": {"file": "x.md"}, "value": "{{ a }}"
    }));
    for (pointer, own) in [
        ("/root/body", Some("*Hei* x!")),
        ("/root/title", Some("Hei x")),
        ("/root/file", Some("Fra x")),
        ("/root/value", None),
    ] {
        let found = bench.templates.own_text(&tree, pointer, None);
        assert_eq!(found.as_deref(), own, "{pointer}");
    }
}

/// Tera gathers these texts in a buffer of its own; they may end up where a line begins.
#[test]
fn what_is_set_with_a_body_is_escaped_for_wherever_it_is_shown() {
    let mut bench = Bench::new(&["a"], &json!({}), &[]);
    let tree = bench.tree(&json!({"body": "Hei {% set x %}{{ a }}{% endset %}{{ a }}\n{{ x }}"}));
    let value: Value = bench.render(&tree, &["1. x"]).unwrap();
    assert_eq!(value, json!({"body": "Hei 1. x\n1&amp;#46; x"}));
}

#[test]
fn what_there_is_not_is_refused() {
    for (template, message) in [
        ("{{ a | uper }}", "unknown filter `uper`"),
        ("{{ get_env(name='HOME') }}", "unknown function `get_env`"),
        (
            "{{ get_random(start=0, end=9) }}",
            "unknown function `get_random`",
        ),
        ("{% if a is testing %}{% endif %}", "unknown test `testing`"),
        (
            "{{ __tera_context }}",
            "`__tera_context` shows everything there is, and is not allowed",
        ),
        ("{% include 'none.md' %}", "there is no such file"),
        ("{% extends 'none.md' %}", "there is no such file"),
    ] {
        let error = Bench::new(&["a"], &json!({}), &[]).refused(template);
        assert_eq!(error.message, message, "{template}");
    }
}

#[test]
fn amounts_and_dates_decide() {
    let mut bench = Bench::new(&["Beløp", "Frist", "E-post"], &json!({"grense": 100}), &[]);
    for (template, decided) in [
        ("{{ Beløp | amount > 0 }}", "true"),
        (
            "{{ Beløp | amount >= 1234.5 and Beløp | amount < 1234.51 }}",
            "true",
        ),
        ("{{ Beløp | amount > grense }}", "true"),
        ("{{ sum(of=[Beløp, -2000]) > 0 }}", "false"),
        ("{{ Beløp | times(by='0,1') < 124 }}", "true"),
        ("{{ Frist | date(form='iso') < '2026-12-31' }}", "true"),
        ("{{ grense > 5 }}", "true"),
    ] {
        let text = bench.templates.compile_text("/x", template).unwrap();
        let scope = bench.scope(&["1 234,50", "15.12.2026", ""]);
        let rendered = bench.templates.render_text(&text, &scope);
        assert_eq!(rendered.as_deref(), Ok(decided), "{template}");
    }
    for (template, column) in [
        ("{% if Beløp > 0 %}x{% endif %}", "Beløp"),
        ("{{ 0 < Beløp }}", "Beløp"),
        ("{% if row['E-post'] <= '9' %}x{% endif %}", "E-post"),
        ("{% if Frist < now() %}x{% endif %}", "Frist"),
    ] {
        let error = bench.refused(template);
        let message =
            format!("`{column}` is a text, which is neither more nor less than a number or a date");
        assert_eq!(error.message, message, "{template}");
        assert!(error.hint.unwrap().contains("| amount > 0"), "{template}");
    }
    for template in [
        "{% if Beløp == 0 %}x{% endif %}",
        "{{ Beløp != grense }}",
        "{% if row['Beløp'] == true %}x{% endif %}",
        "{% if Beløp in [1, 2] %}x{% endif %}",
    ] {
        let error = bench.refused(template);
        let message = "`Beløp` is a text, which never equals a number, nor true or false";
        assert_eq!(error.message, message, "{template}");
    }
    for template in [
        "{% if Beløp == '0' %}x{% endif %}",
        "{{ Beløp == Frist }}",
        "{{ grense == 100 }}",
    ] {
        bench.templates.compile_text("/x", template).unwrap();
    }
    let text = bench
        .templates
        .compile_text("/x", "{{ Beløp | round }}")
        .unwrap();
    let errors = bench
        .templates
        .render_text(&text, &bench.scope(&["1", "", ""]))
        .unwrap_err();
    assert_eq!(errors[0].message, "this needs a number");
    let text = bench
        .templates
        .compile_text("/x", "{% if Beløp | money > 0 %}x{% endif %}")
        .unwrap();
    let errors = bench
        .templates
        .render_text(&text, &bench.scope(&["1", "", ""]))
        .unwrap_err();
    assert_eq!(
        errors[0].cause.as_deref(),
        Some("a text and a whole number")
    );
    assert!(!errors[0].message.contains("i64"), "{errors:?}");
}

#[test]
fn blank_columns_that_a_letter_shows_are_known() {
    let mut bench = Bench::new(
        &["Navn", "Mobil", "lang"],
        &json!({}),
        &[
            (
                "nb.md",
                "Hei {{ Navn }},\n{% if Mobil %}{{ Mobil }}{% endif %}",
            ),
            ("en.md", "Hi!"),
        ],
    );
    let tree = bench.tree(&json!({
        "title": "Til {{ Navn }}",
        "mobile": "{{ Mobil }}",
        "body": {"file": "{{ lang }}.md"},
        "part": {"when": "{{ Mobil != '' }}", "x": "Ring {{ Mobil }}"}
    }));
    let shown = |row: [&str; 3]| -> Vec<(String, usize, usize)> {
        let scope = bench.scope(&row);
        bench.templates.render::<Value>(&tree, &scope).unwrap();
        let blanks = scope.take_blanks_shown();
        assert!(scope.take_blanks_shown().is_empty());
        blanks
            .iter()
            .map(|shown| (shown.pointer.clone(), shown.column, shown.span.start))
            .collect()
    };
    assert_eq!(shown(["Kari", "", "nb"]), []);
    assert_eq!(
        shown([" ", "", "nb"]),
        [
            ("/root/title".to_owned(), 0, 7),
            ("/root/body".to_owned(), 0, 7)
        ]
    );
    assert_eq!(shown(["", "1", "en"]), [("/root/title".to_owned(), 0, 7)]);
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
    let tree = bench.tree(&json!({"body": {"file": "x.md"}}));
    let value: Value = bench.render(&tree, &["Kari\n# Ola\n"]).unwrap();
    let body = "# Kari # Ola\n\n| x |\n|---|\n| Kari # Ola |\n\nHei Kari\\\n&amp;#35; Ola";
    assert_eq!(value, json!({"body": body}));
}

#[test]
fn a_text_that_is_no_number_is_told_apart_from_what_is_said_of_it() {
    let mut bench = Bench::new(&["a"], &json!({}), &[]);
    for (template, text, message) in [
        ("{{ a | int }}", "x` y", "`int` needs a whole number"),
        (
            "{{ a | float }}",
            "1,5",
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
    bench.templates.set_language(language);
    let text = bench
        .templates
        .compile_text("/x", "{{ frist | date(form='weekday') }}")
        .unwrap();
    assert_eq!(text.columns(), ["lang"]);
    for (language, written) in [
        ("nb", "tirsdag 15. desember 2026"),
        ("nn", "tysdag 15. desember 2026"),
        ("en-GB", "Tuesday 15 December 2026"),
    ] {
        let scope = bench.scope(&["", language]);
        assert_eq!(bench.templates.render_text(&text, &scope).unwrap(), written);
    }
    let mut bench = Bench::new(&["a"], &json!({}), &[]);
    let english = bench.templates.compile_text("/language", "en-GB").unwrap();
    bench.templates.set_language(english);
    let text = bench
        .templates
        .compile_text("/x", "{{ a | money }}")
        .unwrap();
    let scope = bench.scope(&["1234.5"]);
    assert_eq!(
        bench.templates.render_text(&text, &scope).unwrap(),
        "1,234.50"
    );
}

#[test]
fn parts_are_there_when_they_are_to_be() {
    let mut bench = Bench::new(&["a", "b"], &json!({"no": false}), &[]);
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
    assert_eq!(errors[0].place.pointer, "/root/part/when");
    assert_eq!(errors[0].cause.as_deref(), Some("rendered `ja`"));
    let errors = bench
        .templates
        .compile("/root", &json!({"x": {"when": "maybe", "y": "{{ z }}"}}))
        .unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
}
