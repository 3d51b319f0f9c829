//! Problems as text for people: with their source lines and marks under them, as rustc prints its own.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group as Drawing, Level, Origin, Renderer, Snippet};

use super::excerpt::excerpt;
use super::group::{Group, groups};
use super::problem::count_rows;
use super::{Code, Place, Problems, Severity};
use crate::text::{count, is_invisible, with_code_points};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Uses colours, as ANSI escape sequences.
    pub color: bool,
    /// Uses lines and arrows that only a Unicode terminal shows.
    pub unicode: bool,
    /// Shows every row of a group instead of the first three.
    pub all_rows: bool,
}

/// The most rows of a group that are shown with their causes.
const EXAMPLES: usize = 3;

/// Renders all problems and their number, `2 errors, 1 warning`. Empty when there are none.
///
/// Equal problems of many rows are shown as one, with their number and the first three rows, or all of them with `all_rows`.
pub(crate) fn render_all(problems: &Problems, style: Style) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut codes = Vec::new();
    let mut drawn = Vec::new();
    for group in groups(problems) {
        // The note about a code is shown only where the code first appears.
        let new = group.first.code.filter(|code| !codes.contains(code));
        codes.extend(new);
        drawn.push(draw(&group, new, style));
    }
    drawn.push(summary(problems));
    drawn.join("\n\n") + "\n"
}

/// The counts in words: `2 errors, 1 warning`; empty when there are none. They are the sums of the numbers in the headlines. Where rows have several problems,
/// the number of rows is named too: `3000 errors in 1500 rows`.
pub(crate) fn summary(problems: &Problems) -> String {
    let groups = groups(problems);
    let counted = |severity, noun| {
        let found: Vec<_> = groups
            .iter()
            .filter(|group| group.first.severity == severity)
            .collect();
        // A group without rows is one problem in a file.
        let all: usize = found.iter().map(|group| group.rows().max(1)).sum();
        let in_rows: usize = found.iter().map(|group| group.rows()).sum();
        let rows = count_rows(found.iter().flat_map(|group| group.all.iter().copied()));
        if found.is_empty() {
            return None;
        }
        let counted = count(all, noun);
        Some(if rows <= 1 || rows == in_rows {
            counted
        } else if in_rows == all {
            format!("{counted} in {}", count(rows, "row"))
        } else {
            format!("{counted}, {in_rows} of them in {}", count(rows, "row"))
        })
    };
    let parts = [
        counted(Severity::Error, "error"),
        counted(Severity::Warning, "warning"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Draws a group; `new` is its code when it has not been shown before.
fn draw(problems: &Group<'_>, new: Option<Code>, style: Style) -> String {
    let problem = problems.first;
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(problems.headline());
    if let Some(code) = problem.code {
        title = title.id(code.to_string());
    }
    let mut group = Drawing::with_title(title);
    match &problem.place {
        Place::Source { source, span } => {
            let path = clean(&source.path().display().to_string());
            let at = source.position(span.start);
            group = match excerpt(source, span) {
                Some(excerpt) => {
                    let annotation = AnnotationKind::Primary.span(excerpt.span);
                    let snippet = Snippet::source(excerpt.text).path(path).line_start(at.line);
                    group.element(snippet.annotation(annotation))
                }
                None => group.element(Origin::path(path).line(at.line).char_column(at.column)),
            };
        }
        place => group = group.element(Origin::path(clean(&place.to_string()))),
    }
    for (name, text) in notes(problems, style) {
        group = group.element(Level::NOTE.with_name(name).message(clean(&text)));
    }
    if let Some(precedence) = problems.precedence() {
        group = group.element(Level::NOTE.message(precedence));
    }
    if let Some(hint) = problems.hint() {
        group = group.element(Level::HELP.with_name("hint").message(clean(hint)));
    }
    if let Some(code) = new {
        let text = format!("{code} is Altinn's code for it: massebrev explain {code}");
        group = group.element(Level::NOTE.with_name("code").message(text));
    }
    let drawn = renderer(style).render(&[group]);
    match problem.place {
        Place::Source { .. } => drawn,
        // Without source lines there is no column of line numbers, and the arrow would stand at the edge.
        Place::File(_) | Place::Row { .. } => drawn.replace('\n', "\n "),
    }
}

/// Replaces characters that control a terminal, that are invisible, or that turn the direction of the text, by their numbers. The renderer itself does so for
/// titles and source lines.
fn clean(text: &str) -> String {
    with_code_points(text, |c| c != '\n' && (c.is_control() || is_invisible(c)))
}

/// The notes under a problem, as name and text: its cause, or the causes of the first rows of a group; with `all_rows`, of all.
fn notes(problems: &Group<'_>, style: Style) -> Vec<(String, String)> {
    if problems.all.len() == 1 {
        let cause = problems.first.cause.iter();
        return cause
            .map(|cause| ("cause".to_owned(), cause.clone()))
            .collect();
    }
    let own_hints = problems.hint().is_none();
    let limit = if style.all_rows { usize::MAX } else { EXAMPLES };
    let mut notes = Vec::new();
    let mut lines = Vec::new();
    let mut left_out = false;
    for example in &problems.all {
        let Some(line) = example.row_line() else {
            continue;
        };
        if notes.len() + lines.len() >= limit {
            left_out = true;
            break;
        }
        let own_hint = example.hint.as_ref().filter(|_| own_hints);
        // A row without cause and hint is only a line number; these are listed together at the end.
        let text = match (&example.cause, own_hint) {
            (Some(cause), Some(hint)) => format!("{cause}; {hint}"),
            (Some(text), None) | (None, Some(text)) => text.clone(),
            (None, None) if lines.last() != Some(&line) => {
                lines.push(line);
                continue;
            }
            (None, None) => continue,
        };
        let note = (format!("line {line}"), text);
        // A row can have the same wrong value twice.
        if notes.last() != Some(&note) {
            notes.push(note);
        }
    }
    // A single line would repeat the place.
    if lines.len() > 1 || (!lines.is_empty() && !notes.is_empty()) {
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        let more = if left_out { ", …" } else { "" };
        notes.push(("lines".to_owned(), lines.join(", ") + more));
    }
    notes
}

fn renderer(style: Style) -> Renderer {
    let renderer = if style.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.decor_style(if style.unicode {
        DecorStyle::Unicode
    } else {
        DecorStyle::Ascii
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::{Code, Precedence, Problem, Source};

    /// Renders one problem, without a line break at the end.
    ///
    /// A place in a text file is shown with its line; identity numbers and long keys in that line are masked.
    pub(crate) fn render(problem: &Problem, style: Style) -> String {
        let group = Group {
            first: problem,
            all: vec![problem],
        };
        draw(&group, None, style)
    }

    fn row(line: u64, cause: Option<&str>) -> Problem {
        let place = Place::Row {
            file: "recipients.csv".into(),
            row: Some(line - 1),
            line,
            columns: vec!["Navn".to_owned()],
        };
        Problem {
            code: Some(Code::Altinn(1002)),
            cause: cause.map(str::to_owned),
            ..Problem::error(place, "title is not plain text")
        }
    }

    #[test]
    fn a_row_is_shown_with_its_columns() {
        let problem = row(19, Some("`# Hei`")).with_hint("remove the `#`");
        assert_eq!(
            render(&problem, Style::default()),
            "error[1002]: title is not plain text\n --> recipients.csv:19 (column Navn)\n  = cause: `# Hei`\n  = hint: remove the `#`"
        );
    }

    #[test]
    fn rows_with_the_same_problem_are_counted() {
        let other = Problem::warning(Place::File("letter.md".into()), "the letter is long");
        let rows = (19..431).map(|line| row(line, Some("`# Hei`")).with_hint("remove the `#`"));
        let mut problems: Problems = rows.collect();
        problems.push(other);
        problems.push(row(500, Some("`* Hei`")).with_hint("remove the `#`"));
        assert_eq!(
            render_all(&problems, Style::default()),
            "\
error[1002]: title is not plain text (413 rows, first at line 19)
 --> recipients.csv:19 (column Navn)
  = line 19: `# Hei`
  = line 20: `# Hei`
  = line 21: `# Hei`
  = hint: remove the `#`
  = code: 1002 is Altinn's code for it: massebrev explain 1002

warning: the letter is long
 --> letter.md

413 errors, 1 warning
"
        );
    }

    #[test]
    fn what_altinn_would_answer_first_is_told_where_there_is_a_choice() {
        let drawn = |precedences: &[Precedence]| {
            let rows = precedences
                .iter()
                .zip(2..)
                .map(|(precedence, line)| Problem {
                    precedence: Some(*precedence),
                    ..row(line, None)
                });
            render_all(&rows.collect(), Style::default())
        };
        assert!(!drawn(&[Precedence::Only]).contains("would answer"));
        assert!(!drawn(&[Precedence::Only, Precedence::Later]).contains("would answer"));
        let first = "Altinn would answer this first, and the others when it is mended\n";
        assert!(drawn(&[Precedence::First]).contains(&format!("\n  = note: {first}")));
        let all = drawn(&[Precedence::First, Precedence::First]);
        assert!(all.contains(&format!("\n  = note: {first}")), "{all}");
        let some = drawn(&[
            Precedence::Later,
            Precedence::First,
            Precedence::Only,
            Precedence::First,
        ]);
        assert!(
            some.contains(&format!("\n  = note: in 2 rows: {first}")),
            "{some}"
        );
    }

    #[test]
    fn rows_without_a_cause_are_named_by_their_lines() {
        let drawn = |count: u64| {
            let problems: Problems = (2..2 + count).map(|line| row(line, None)).collect();
            render_all(&problems, Style::default())
        };
        assert!(drawn(2).contains("\n  = lines: 2, 3\n"), "{}", drawn(2));
        assert!(drawn(3).contains("\n  = lines: 2, 3, 4\n"), "{}", drawn(3));
        assert!(
            drawn(4).contains("\n  = lines: 2, 3, 4, …\n"),
            "{}",
            drawn(4)
        );
        assert!(
            drawn(1).ends_with("massebrev explain 1002\n\n1 error\n"),
            "{}",
            drawn(1)
        );
        assert_eq!(render_all(&Problems::new(), Style::default()), "");
    }

    #[test]
    fn rows_are_counted_once_and_a_hint_stands_for_a_group_only_when_all_have_it() {
        let twice = |line, hint: &str| {
            let found = || row(line, Some("`x`")).with_hint(hint.to_owned());
            [found(), found()]
        };
        let problems: Problems = [twice(2, "write `nb`"), twice(3, "write `nn`")]
            .into_iter()
            .flatten()
            .collect();
        let all = Style {
            all_rows: true,
            ..Style::default()
        };
        assert_eq!(
            render_all(&problems, all),
            "\
error[1002]: title is not plain text (2 rows, first at line 2)
 --> recipients.csv:2 (column Navn)
  = line 2: `x`; write `nb`
  = line 3: `x`; write `nn`
  = code: 1002 is Altinn's code for it: massebrev explain 1002

2 errors
"
        );
    }

    #[test]
    fn characters_that_turn_a_text_are_shown_by_their_number() {
        let problem =
            Problem::error(Place::File("a.csv".into()), "odd").with_cause("`abc\u{202e}gpj.exe`");
        let drawn = render(&problem, Style::default());
        assert!(drawn.contains("`abc<U+202E>gpj.exe`"), "{drawn}");
        let source = Arc::new(Source::new("a.yaml", "title: a\u{202e}b\n"));
        let problem = Problem::error(source.place(0..5), "odd");
        let drawn = render(&problem, Style::default());
        assert!(!drawn.contains('\u{202e}'), "{drawn}");
    }

    #[test]
    fn a_place_in_a_source_is_drawn() {
        let source = Arc::new(Source::new(
            "letter.md",
            "Hei\nfnr 07827199405 og {{ Nvn }}\n",
        ));
        let start = source.text().find("{{").unwrap();
        let place = Place::Source {
            span: start..start + 9,
            source,
        };
        let problem = Problem::error(place, "there is no `Nvn`").with_hint("did you mean `Navn`?");
        assert_eq!(
            render(&problem, Style::default()),
            "\
error: there is no `Nvn`
 --> letter.md:2:20
  |
2 | fnr 078271***** og {{ Nvn }}
  |                    ^^^^^^^^^
  |
  = hint: did you mean `Navn`?"
        );
        let styled = render(
            &problem,
            Style {
                color: true,
                unicode: true,
                all_rows: false,
            },
        );
        assert!(
            styled.contains("\u{1b}[") && styled.contains('╭'),
            "{styled}"
        );
    }

    #[test]
    fn a_terminal_is_not_commanded() {
        let place = Place::File("a\u{1b}[2J.csv".into());
        let problem = Problem::error(place, "bad\u{1b}[2J")
            .with_cause("`\u{1b}[2J\u{7}`")
            .with_hint("x\u{1b}[2J");
        let drawn = render(&problem, Style::default());
        assert!(
            !drawn.contains('\u{1b}') && !drawn.contains('\u{7}'),
            "{drawn:?}"
        );
    }
}
