//! Problems as text for people: drawn at their place, as rustc draws its own.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::excerpt::excerpt;
use super::group::{groups, headline, precedence};
use super::{Place, Problem, Problems, Severity};
use crate::text::count;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// With colours, as ANSI escape sequences.
    pub color: bool,
    /// With the lines and arrows that only a Unicode terminal has.
    pub unicode: bool,
}

/// The number of rows of a group that are shown with their causes.
const EXAMPLES: usize = 3;

/// One problem, without a line break at the end.
///
/// A place in a text file is shown with its line; identity numbers and long keys in that line are masked.
pub fn render(problem: &Problem, style: Style) -> String {
    draw(problem, &[], style)
}

/// All problems, and how many there are: `2 errors, 1 warning`. Empty when there are none.
///
/// Equal problems of many rows are one, with their number and the first three rows.
pub fn render_all(problems: &Problems, style: Style) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut drawn: Vec<String> = groups(problems)
        .iter()
        .filter_map(|group| group.split_first())
        .map(|(first, others)| draw(first, others, style))
        .collect();
    drawn.push(summary(problems));
    drawn.join("\n\n") + "\n"
}

/// The counts in words: `2 errors, 1 warning`; empty when there are none.
pub fn summary(problems: &Problems) -> String {
    let (errors, warnings) = problems.counts();
    let counted = |number, noun| (number > 0).then(|| count(number, noun));
    let parts = [counted(errors, "error"), counted(warnings, "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Draws a problem and the others of its group.
fn draw(problem: &Problem, others: &[&Problem], style: Style) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(headline(problem, others));
    if let Some(code) = problem.code {
        title = title.id(code.to_string());
    }
    let mut group = Group::with_title(title);
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
    for (name, text) in notes(problem, others) {
        group = group.element(Level::NOTE.with_name(name).message(clean(&text)));
    }
    if let Some(precedence) = precedence(problem, others) {
        group = group.element(Level::NOTE.message(precedence));
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.with_name("hint").message(clean(hint)));
    }
    let drawn = renderer(style).render(&[group]);
    match problem.place {
        Place::Source { .. } => drawn,
        // Without the column of line numbers the arrow would stand at the edge.
        Place::File(_) | Place::Row { .. } => drawn.replace('\n', "\n "),
    }
}

/// Removes control characters, which a terminal would obey; the renderer does it for titles and source lines.
fn clean(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

/// The cause of one problem, or those of the first rows of a group.
fn notes(problem: &Problem, others: &[&Problem]) -> Vec<(String, String)> {
    if others.is_empty() {
        let cause = problem.cause.iter();
        return cause
            .map(|cause| ("cause".to_owned(), cause.clone()))
            .collect();
    }
    let examples = std::iter::once(problem)
        .chain(others.iter().copied())
        .take(EXAMPLES);
    let mut notes = Vec::new();
    let mut lines = Vec::new();
    for example in examples {
        let Place::Row { line, .. } = &example.place else {
            continue;
        };
        match &example.cause {
            Some(cause) => notes.push((format!("line {line}"), cause.clone())),
            None => lines.push(line.to_string()),
        }
    }
    if !lines.is_empty() {
        let more = if others.len() >= EXAMPLES {
            ", …"
        } else {
            ""
        };
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
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::{Code, Precedence, Source};

    fn row(line: u64, cause: Option<&str>) -> Problem {
        let place = Place::Row {
            file: "recipients.csv".into(),
            row: Some(line - 1),
            line,
            columns: vec!["Navn".to_owned()],
        };
        Problem {
            cause: cause.map(str::to_owned),
            ..Problem::error(place, "title is not plain text").with_code(Code::Altinn(1002))
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
        problems.push(row(500, Some("`* Hei`")));
        assert_eq!(
            render_all(&problems, Style::default()),
            "\
error[1002]: title is not plain text (413 rows, first at line 19)
 --> recipients.csv:19 (column Navn)
  = line 19: `# Hei`
  = line 20: `# Hei`
  = line 21: `# Hei`
  = hint: remove the `#`

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
        assert!(!drawn(&[Precedence::Only]).contains("Altinn"));
        assert!(!drawn(&[Precedence::Only, Precedence::Later]).contains("Altinn"));
        assert!(
            drawn(&[Precedence::First]).contains("\n  = note: Altinn would answer this first\n")
        );
        let all = drawn(&[Precedence::First, Precedence::First]);
        assert!(
            all.contains("\n  = note: Altinn would answer this first\n"),
            "{all}"
        );
        let some = drawn(&[
            Precedence::Later,
            Precedence::First,
            Precedence::Only,
            Precedence::First,
        ]);
        assert!(
            some.contains("\n  = note: Altinn would answer this first in 2 of them\n"),
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
            drawn(1).ends_with("(column Navn)\n\n1 error\n"),
            "{}",
            drawn(1)
        );
        assert_eq!(render_all(&Problems::new(), Style::default()), "");
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
