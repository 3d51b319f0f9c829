//! One compiled template, with the files it includes.

use std::fmt;
use std::sync::Arc;

use tera::{Context, ErrorKind, ReportError, Tera};

use super::budget::{self, ENDLESS_HINT, Limited, Terms};
use super::error::TemplateError;
use super::folder::Folder;
use super::names::{Meaning, Names};
use super::piece::{Piece, told};
use super::reference::Kind;
use super::scan::{RowUse, Scan, scan};
use super::scope::Uses;
use crate::diagnostic::Source;

/// What the template itself is called; its files are called by their paths, which never begin so.
const ENTRY: &str = "//";

/// How many files a template may include, and how deep they may lie in each other.
const FILES_LIMIT: usize = 100;
const DEPTH_LIMIT: usize = 20;

/// How many words a template may have with all it includes, each file as often as it is included.
const WEIGHT_LIMIT: u64 = 1_000_000;

/// A template ready to be rendered.
pub(super) struct Program {
    tera: Tera,
    pieces: Vec<Piece>,
    /// What it speaks of.
    pub(super) uses: Uses,
    /// The column, when the template is that column and nothing else, and is written as it is.
    pub(super) only: Option<usize>,
    /// How many words it has with all it includes.
    weight: u64,
    /// How many bytes the longest text in quotes has.
    longest: usize,
}

/// What a text is, beside its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// It stands in a file of its own.
    pub(super) is_file: bool,
    /// It is Markdown: values are escaped.
    pub(super) is_markdown: bool,
}

impl Program {
    /// Compiles a template that stands in a file of its own or in the manifest.
    pub(super) fn compile(
        source: Arc<Source>,
        form: Form,
        scanned: Scan,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Vec<TemplateError>> {
        let entry = Piece::new(ENTRY, source, form.is_file, &scanned);
        let mut program = Self {
            tera: surroundings.tera.clone(),
            pieces: vec![entry],
            uses: Uses::default(),
            only: None,
            weight: 0,
            longest: 0,
        };
        if form.is_markdown {
            // The files it includes are escaped as it is.
            program.tera.autoescape_on([ENTRY]);
        }
        let mut scans = vec![scanned];
        program.gather(&mut scans, surroundings.folder)?;
        program.longest = scans.iter().map(|scan| scan.longest).max().unwrap_or(0);
        program.weight = program.weigh(&scans).map_err(|error| vec![*error])?;
        let texts = program.pieces.iter().zip(&scans);
        program
            .tera
            .add_raw_templates(texts.map(|(piece, scan)| (&piece.name, &scan.text)))
            .map_err(|error| program.explain(&error))?;
        program.uses = program.used(&scans, surroundings.names)?;
        program.only = scans
            .first()
            .filter(|_| !form.is_markdown)
            .and_then(|scan| {
                let name = surroundings.names.find(scan.only.as_deref()?)?;
                matches!(
                    surroundings.names.all.get(name)?.meaning,
                    Meaning::Column(_)
                )
                .then_some(name)
            });
        Ok(program)
    }

    /// Renders to the end of `text`; the terms' weight is the program's own.
    pub(super) fn render(
        &self,
        context: &Context,
        terms: Terms,
        text: &mut Vec<u8>,
    ) -> Result<(), Box<TemplateError>> {
        let mut limited = Limited::new(text);
        let terms = Terms {
            weight: self.weight,
            longest: terms.longest.max(self.longest),
            ..terms
        };
        let rendered =
            budget::begin(terms).and_then(|()| self.tera.render_to(ENTRY, context, &mut limited));
        let Err(error) = rendered else {
            return Ok(());
        };
        if limited.is_over {
            return Err(TemplateError::new("the template renders to more than 1 MB")
                .with_hint(ENDLESS_HINT)
                .into());
        }
        Err(self
            .explain(&error)
            .into_iter()
            .next()
            .unwrap_or_default()
            .into())
    }

    /// Reads the files that the template and its files include.
    fn gather(&mut self, scans: &mut Vec<Scan>, folder: &Folder) -> Result<(), Vec<TemplateError>> {
        let mut errors = Vec::new();
        let mut at = 0;
        while let (Some(scanned), Some(piece)) = (scans.get(at), self.pieces.get(at)) {
            errors.extend(piece.forbidden(scanned));
            let mut new = Vec::new();
            for file in &scanned.files {
                let mut known = self.pieces.iter().chain(new.iter().map(|(piece, _)| piece));
                if known.any(|piece| piece.name == file.word) {
                    continue;
                }
                match folder.read(&file.word) {
                    Ok(source) => {
                        let scanned = scan(source.text());
                        let piece = Piece::new(&file.word, Arc::new(source), true, &scanned);
                        new.push((piece, scanned));
                    }
                    Err(error) => errors.push(piece.locate(*error, file.at.clone())),
                }
            }
            for (piece, scanned) in new {
                self.pieces.push(piece);
                scans.push(scanned);
            }
            at += 1;
            if self.pieces.len() > FILES_LIMIT {
                let message = format!("the template includes more than {FILES_LIMIT} files");
                return Err(vec![TemplateError::new(message)]);
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// How many words the template has with all it includes.
    fn weigh(&self, scans: &[Scan]) -> Result<u64, Box<TemplateError>> {
        let mut known = vec![None; scans.len()];
        let weight = self.weigh_piece(0, scans, &mut Vec::new(), &mut known)?;
        if weight > WEIGHT_LIMIT {
            let message = "the template includes files that include files without end";
            let cause = format!("more than {WEIGHT_LIMIT} words");
            return Err(TemplateError::new(message).with_cause(cause).into());
        }
        Ok(weight)
    }

    fn weigh_piece(
        &self,
        at: usize,
        scans: &[Scan],
        way: &mut Vec<usize>,
        known: &mut [Option<u64>],
    ) -> Result<u64, Box<TemplateError>> {
        // What includes itself is told by Tera.
        if way.contains(&at) {
            return Ok(0);
        }
        if let Some(Some(weight)) = known.get(at) {
            return Ok(*weight);
        }
        if way.len() > DEPTH_LIMIT {
            let message = format!("files include each other more than {DEPTH_LIMIT} deep");
            return Err(TemplateError::new(message).into());
        }
        way.push(at);
        let Some(scan) = scans.get(at) else {
            return Ok(0);
        };
        let mut weight = scan.weight;
        for file in &scan.files {
            let place = self.pieces.iter().position(|piece| piece.name == file.word);
            if let Some(place) = place {
                weight = weight.saturating_add(self.weigh_piece(place, scans, way, known)?);
            }
        }
        way.pop();
        if let Some(known) = known.get_mut(at) {
            *known = Some(weight);
        }
        Ok(weight)
    }

    /// What the template speaks of; every name that does not exist is an error.
    fn used(&self, scans: &[Scan], names: &Names) -> Result<Uses, Vec<TemplateError>> {
        let calls = scans.iter().flat_map(|scan| &scan.calls);
        let mut speaks = calls.filter(|(kind, _)| *kind == Kind::Filter);
        let mut uses = Uses {
            language: speaks.any(|(_, name)| {
                Kind::Filter
                    .find(&name.word)
                    .is_some_and(|filter| filter.by_language)
            }),
            ..Uses::default()
        };
        let mut errors = Vec::new();
        let variables = self
            .tera
            .get_template_variables(ENTRY)
            .map_err(|error| self.explain(&error))?;
        let mut speaks_of_row = false;
        for variable in variables {
            match names.find(variable) {
                Some(name) => {
                    uses.names.insert(name);
                    speaks_of_row |= variable == "row";
                }
                None => errors.push(self.unknown_name(variable, scans, names)),
            }
        }
        let rows = self.pieces.iter().zip(scans).filter(|_| speaks_of_row);
        for (piece, used) in
            rows.flat_map(|(piece, scan)| scan.row.iter().map(move |used| (piece, used)))
        {
            match used {
                RowUse::Whole => uses.row.extend(names.columns().map(|(column, _)| column)),
                RowUse::Column(key) => match names.column(&key.word) {
                    Some(column) => {
                        uses.row.insert(column);
                    }
                    None => errors.push(piece.unknown_column(key, names)),
                },
            }
        }
        if errors.is_empty() {
            return Ok(uses);
        }
        errors.sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        Err(errors)
    }

    fn unknown_name(&self, name: &str, scans: &[Scan], names: &Names) -> TemplateError {
        let spoken = self.pieces.iter().zip(scans).find_map(|(piece, scan)| {
            let spoken = scan.names.iter().find(|spoken| spoken.word == name)?;
            Some((piece, spoken.at.clone()))
        });
        let unknown = |written: &str| {
            TemplateError::new(format!("there is no column or variable `{written}`"))
                .with_hint(names.hint(written))
        };
        match spoken {
            Some((piece, at)) => piece.locate(unknown(piece.written(&at)), at),
            None => unknown(name),
        }
    }

    /// Tera's error in our words, each with its place.
    fn explain(&self, error: &tera::Error) -> Vec<TemplateError> {
        match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                vec![self.reported(report)]
            }
            // What is found only when all templates are known comes as text, as Tera would print it.
            ErrorKind::Msg(text) => text.split("\n\n").map(|text| self.printed(text)).collect(),
            ErrorKind::CircularInclude { .. } | ErrorKind::CircularExtend { .. } => {
                vec![TemplateError::new("the template includes itself")]
            }
            other => vec![told(&other.to_string())],
        }
    }

    fn reported(&self, report: &ReportError) -> TemplateError {
        let error = told(report.message());
        let Some(piece) = self.piece(report.filename()) else {
            return error;
        };
        let span = report.span();
        let start = piece.offset(span.start_line, span.start_col);
        let end = piece.offset(span.end_line, span.end_col);
        piece.locate(error, start..end.max(start))
    }

    /// `error: Unknown filter` and on the next line ` --> name:1:4`.
    fn printed(&self, text: &str) -> TemplateError {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let error = told(first.strip_prefix("error: ").unwrap_or(first));
        let place = lines.next().and_then(|line| {
            let mut parts = line.trim_start().strip_prefix("--> ")?.rsplitn(3, ':');
            let column: usize = parts.next()?.parse().ok()?;
            let line = parts.next()?.parse().ok()?;
            Some((self.piece(parts.next()?)?, line, column.saturating_sub(1)))
        });
        match place {
            Some((piece, line, column)) => {
                let start = piece.offset(line, column);
                piece.locate(error, start..start)
            }
            None => error,
        }
    }

    fn piece(&self, name: &str) -> Option<&Piece> {
        self.pieces.iter().find(|piece| piece.name == name)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("pieces", &self.pieces)
            .field("uses", &self.uses)
            .finish_non_exhaustive()
    }
}

/// What a template is compiled in.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// Functions, filters and what is the same for all rows.
    pub(super) tera: &'a Tera,
    pub(super) names: &'a Names,
    pub(super) folder: &'a Folder,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::templates::tests::Bench;
    use super::TemplateError;

    fn bench(files: &[(&str, &str)]) -> Bench {
        Bench::new(
            &["Saksnummer", "Fødselsnummer", "E-post"],
            &json!({"frist": 1}),
            files,
        )
    }

    fn placed(error: &TemplateError) -> (usize, usize, &str, Option<&str>) {
        (
            error.line,
            error.column,
            &error.message,
            error.hint.as_deref(),
        )
    }

    #[test]
    fn names_that_do_not_exist_are_found_when_compiling() {
        let error = bench(&[]).refused("å {{ Saksnummer }}\nåå {{ Fødselsnumer }}");
        assert_eq!(
            placed(&error),
            (
                2,
                7,
                "there is no column or variable `Fødselsnumer`",
                Some("did you mean `Fødselsnummer`?")
            )
        );
        assert_eq!(error.pointer, "/text");
        assert_eq!(error.source, None);
        let error = bench(&[]).refused("{{ row[\"E-pst\"] }}");
        assert_eq!(
            placed(&error),
            (
                1,
                9,
                "there is no column `E-pst`",
                Some("did you mean `E-post`?")
            )
        );
        let error = bench(&[]).refused("{% if x is defined %}{% endif %}");
        assert_eq!(error.message, "there is no column or variable `x`");
        let errors = bench(&[])
            .templates
            .compile_text("", "{{ y }}{{ x }}{{ y }}")
            .unwrap_err();
        assert_eq!(
            errors.iter().map(|error| error.column).collect::<Vec<_>>(),
            [4, 11]
        );
    }

    #[test]
    fn names_that_a_template_makes_itself_exist() {
        for text in [
            "{% set x = Saksnummer %}{{ x }}",
            "{% for x in [1, 2] %}{{ loop.index }}{{ x }}{% endfor %}",
            "{% for row in [1, 2] %}{{ row }}{{ row['nothing'] | default(value=1) }}{% endfor %}",
        ] {
            bench(&[]).templates.compile_text("", text).unwrap();
        }
    }

    #[test]
    fn mistakes_have_their_place_in_the_text() {
        for (text, line, column, message) in [
            ("{{ Saksnummer", 1, 14, "unexpected end of input"),
            (
                "\nå {{ Saksnummer | uper }}",
                2,
                19,
                "unknown filter `uper`",
            ),
            ("{{ nw() }}", 1, 4, "unknown function `nw`"),
            (
                "{{ __tera_context }}",
                1,
                4,
                "`__tera_context` shows everything there is, and is not allowed",
            ),
            ("{{ Спрос }}", 1, 4, "unexpected character"),
        ] {
            let error = bench(&[]).refused(text);
            assert_eq!(
                (error.line, error.column, error.message.as_str()),
                (line, column, message),
                "{text}"
            );
        }
    }

    #[test]
    fn mistakes_come_with_what_to_do() {
        let mut bench = bench(&[]);
        let mut hint = |text| bench.refused(text).hint.unwrap();
        assert_eq!(hint("{{ Saksnummer | uper }}"), "did you mean `upper`?");
        assert_eq!(hint("{{ noww() }}"), "did you mean `now`?");
        assert!(hint("{{ Full name }}").contains("`Full_name`"));
        assert!(hint("{{ get_env(name='HOME') }}").contains("no environment"));
        assert_eq!(
            hint("{{ xyz }}"),
            "the columns are `Saksnummer`, `Fødselsnummer`, `E-post`"
        );
    }

    #[test]
    fn every_mistake_that_is_found_late_has_its_place() {
        let errors = bench(&[])
            .templates
            .compile_text("", "{{ frist | a1 }}\n{{ frist | b2 }}")
            .unwrap_err();
        let places: Vec<_> = errors
            .iter()
            .map(|error| (error.line, error.message.as_str()))
            .collect();
        assert_eq!(
            places,
            [(1, "unknown filter `a1`"), (2, "unknown filter `b2`")]
        );
    }

    #[test]
    fn files_include_files_and_mistakes_are_placed_in_them() {
        let mut good = bench(&[
            ("a.md", "{% include \"sub/b.md\" %}!"),
            ("sub/b.md", "[{{ Fødselsnummer }}]"),
        ]);
        let tree = good.tree(&json!({"x": {"file": "a.md"}}));
        let value: serde_json::Value = good.render(&tree, &["1", "2", "3"]).unwrap();
        assert_eq!(value, json!({"x": "[2]!"}));
        assert_eq!(tree.columns("/root/x"), ["Fødselsnummer"]);

        let mut bad = bench(&[("a.md", "{% include \"b.md\" %}"), ("b.md", "å\n{{ x }}")]);
        let errors = bad
            .templates
            .compile("/root", &json!({"x": {"file": "a.md"}}))
            .unwrap_err();
        let path = bad.folder.path().join("b.md");
        assert_eq!(
            errors[0].place().unwrap().to_string(),
            format!("{}:2:4", path.display())
        );
        assert_eq!(errors[0].pointer, "/root/x");
    }

    #[test]
    fn includes_that_cannot_be_used_are_told_of() {
        let mut bench = bench(&[
            ("a.md", "{% include \"a.md\" %}"),
            ("c.md", "\n{% include '../x' %}"),
        ]);
        let mut file = |name: &str| {
            let errors = bench
                .templates
                .compile("", &json!({"file": name}))
                .unwrap_err();
            (errors[0].line, errors[0].message.clone())
        };
        assert_eq!(file("a.md"), (0, "the template includes itself".to_owned()));
        assert_eq!(
            file("c.md"),
            (
                2,
                "only files in the manifest's folder can be used".to_owned()
            )
        );
        assert_eq!(file("none.md"), (0, "there is no such file".to_owned()));
        let error = bench.refused("{% include \"none.md\" %}");
        assert_eq!(
            (error.column, error.message.as_str()),
            (13, "there is no such file")
        );
    }

    #[test]
    fn mistakes_of_a_row_have_their_place_and_no_list_of_values() {
        let mut bench = bench(&[]);
        let tree = bench.tree(&json!("åå {{ row[Saksnummer] }}"));
        let errors = bench.render::<String>(&tree, &["x", "y", "z"]).unwrap_err();
        assert_eq!((errors[0].line, errors[0].column), (1, 7));
        assert_eq!(
            errors[0].message,
            "tried to render a variable that is undefined"
        );
    }
}
