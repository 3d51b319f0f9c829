//! Files that are meant to hurt, and slips of the pen.

use super::*;
use crate::diagnostic::has_errors;

fn lines(numbers: std::ops::Range<i32>, line: impl Fn(i32) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().join("\n")
}

/// Without the limits some of these would take for ever.
#[test]
fn hostile_files_are_refused() {
    let level = |n: i32| {
        format!(
            "a{n}: &a{n} [{}]",
            vec![format!("*a{}", n - 1); 10].join(",")
        )
    };
    let bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned() + &lines(1..10, level);
    let keys = lines(0..200_000, |n| format!("key{n}: 1"));
    for (text, expected) in [
        (bomb, "the aliases make the file too large"),
        ("[".repeat(400_000), "nested too deep"),
        ("{a: ".repeat(100_000), "nested too deep"),
        ("- ".repeat(200_000), "nested more than 100 levels deep"),
        (
            "a: &a [*a]".to_owned(),
            "an alias stands within what it refers to",
        ),
        (
            "a: &a { <<: *a }".to_owned(),
            "an alias stands within what it refers to",
        ),
        ("x".repeat(10_000_001), "the manifest is larger than 10 MB"),
        (
            "a: 1\n".repeat(200_000),
            "there may be more problems than these 100",
        ),
        (keys, "there may be more problems than these 100"),
    ] {
        let said = refused(&text);
        assert!(
            said.contains(expected) && said.len() < 40_000,
            "{expected}: {said}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_so() {
    let problems = crate::manifest::load(Path::new("/nowhere/mailing.yaml")).unwrap_err();
    let said = render(problems.first().unwrap(), Style::default());
    assert!(
        said.starts_with(
            "error: the manifest cannot be read\n --> /nowhere/mailing.yaml\n  = cause: "
        ),
        "{said}"
    );
}

#[test]
fn no_slip_of_the_pen_is_too_much() {
    let slips = [
        "", "\"", "{", "[", "\t", ":", "&a ", "*a", "!x ", "\u{feff}", "🎉", "\r", "- ",
    ];
    for (at, character) in GOOD.char_indices().step_by(7) {
        for slip in slips {
            let text = [&GOOD[..at], slip, &GOOD[at + character.len_utf8()..]].concat();
            if let Err(problems) = load(&text) {
                assert!(has_errors(&problems), "{text}");
                assert!(
                    render_all(&problems, Style::default()).contains("error: "),
                    "{text}"
                );
            }
        }
        if let Err(problems) = load(&GOOD[..at]) {
            assert!(has_errors(&problems));
        }
    }
}
