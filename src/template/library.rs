//! The library of compiled templates: one Tera with all texts by their names, and the uses of each.
//!
//! A file is named by its path, a text of the manifest by its JSON pointer and a number. Tera decides on escaping by the end of a name. The same file may be Markdown
//! in one place and plain text in another: so a text is compiled once, under its own name, and for Markdown a second template is rendered that only extends it, whose
//! name ends in [`MARKDOWN`]. Included files are escaped like the template that includes them.

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use tera::{Context, ErrorKind, ReportError, Tera};

use super::error::{MOST_ERRORS, TemplateError, TemplateResult, at, template_error};
use super::folder::Folder;
use super::names::Names;
use super::scan::{Scan, scan};
use super::scope::Scope;
use super::tag_mistakes::{compared_texts, mistakes, unclosed_section, wrong_comparisons};
use super::tera_error::from_tera;
use super::token::{Kind, Tag, shown};
use super::tree::{Leaf, ShownColumn, Text};
use super::uses::Uses;
use super::writer::LimitedWriter;
use crate::diagnostic::Source;

/// The end of the names of templates whose values are escaped for Markdown. No path can end like this, because the folder refuses paths with a NUL.
pub(super) const MARKDOWN: &str = "\0md";

/// A set of templates that are compiled together.
#[derive(Clone)]
pub(super) struct Library {
    tera: Tera,
    names: Arc<Names>,
    folder: Arc<Folder>,
    texts: HashMap<String, Arc<TemplateText>>,
}

/// The text of a template, or of a file that a template includes or extends.
#[derive(Debug)]
struct TemplateText {
    name: String,
    /// It has a path when the template has a file of its own.
    source: Arc<Source>,
    scan: Scan,
}

impl Library {
    pub(super) fn new(tera: Tera, names: Arc<Names>, folder: Arc<Folder>) -> Self {
        Self {
            tera,
            names,
            folder,
            texts: HashMap::new(),
        }
    }

    /// Compiles a template with the files it includes and extends. `pointer` is the place of the value that is the template or names its file, which has a `path`.
    pub(super) fn compile(
        &mut self,
        pointer: &str,
        path: Option<&str>,
        source: Source,
        is_markdown: bool,
    ) -> TemplateResult<Text> {
        let text_name = match path {
            Some(path) => path.to_owned(),
            None => format!("{pointer}#{}", self.texts.len()),
        };
        let text = TemplateText::new(text_name, source);
        // Most members of a manifest are plain texts, which need no Tera.
        if text.scan.tags.is_empty() {
            return Ok(Text::Constant(text.source.text().to_owned()));
        }
        let mark = if is_markdown { MARKDOWN } else { "" };
        let name = format!("{}{mark}", text.name);
        let compiled = self.read_files(text).and_then(|texts| {
            self.add_to_tera(&texts, &name)?;
            self.describe(pointer, name, &texts)
        });
        let compiled = compiled.map(|leaf| Text::Leaf(Box::new(leaf)));
        compiled.map_err(|errors| at(errors, pointer))
    }

    /// The text of the template itself, without included files, and with a letter in place of every value.
    pub(super) fn own_text(&self, leaf: &Leaf) -> Option<String> {
        let text = self.text(leaf)?;
        text.scan.own_text(text.source.text())
    }

    fn text(&self, leaf: &Leaf) -> Option<&Arc<TemplateText>> {
        self.texts.get(leaf.name.trim_end_matches(MARKDOWN))
    }

    /// Renders a template for the row of a scope, and notes the blank columns that it shows. `context` is the scope's own or has more in it.
    pub(super) fn render(
        &self,
        leaf: &Leaf,
        context: &Context,
        scope: &Scope,
    ) -> TemplateResult<String> {
        let only = leaf.only.as_ref().and_then(|name| context.get(name));
        // Most short templates are a single column, whose value is copied without Tera.
        if let Some(value) = only.and_then(tera::Value::as_str) {
            return Ok(value.to_owned());
        }
        let mut writer = LimitedWriter::new(scope.language);
        let Err(error) = self.tera.render_to(&leaf.name, context, &mut writer) else {
            scope.note_blanks(&leaf.shown, &writer.text);
            return Ok(writer.text);
        };
        if let ErrorKind::Io(io::ErrorKind::FileTooLarge) = error.kind() {
            let mut error = template_error("the template renders to more than 1 MB").with_hint(
                "look for loops within loops, and for a value that is made longer again and again",
            );
            let source = self.text(leaf).map(|text| &text.source);
            // A text of the manifest has no path, and the pointer is its place.
            let source = source.filter(|source| !source.path().as_os_str().is_empty());
            error.place.source = source.cloned();
            return Err(vec![error]);
        }
        let mut errors = self.explain(&error);
        // A rendering stops at its first error; a blank line in a value must not make two of it.
        errors.truncate(1);
        Err(errors)
    }

    /// Reads the files that a text includes and extends, and so on for these files. Returns all their texts, that text first.
    fn read_files(&mut self, text: TemplateText) -> TemplateResult<Vec<Arc<TemplateText>>> {
        let mut errors = Vec::new();
        let (mut texts, mut read) = (vec![self.add(text)], 0);
        while let Some(text) = texts.get(read).cloned() {
            read += 1;
            errors.extend(text.mistakes());
            for file in text.scan.files() {
                // Circles end here; Tera reports them.
                if texts.iter().any(|text| text.name == file.text) {
                    continue;
                }
                match self.file(&file.text) {
                    Ok(text) => texts.push(text),
                    Err(error) => errors.push(text.locate(*error, file.at.clone())),
                }
            }
        }
        if errors.is_empty() {
            Ok(texts)
        } else {
            Err(errors)
        }
    }

    fn file(&mut self, path: &str) -> Result<Arc<TemplateText>, Box<TemplateError>> {
        if let Some(text) = self.texts.get(path) {
            return Ok(Arc::clone(text));
        }
        let source = self.folder.read("", path)?;
        Ok(self.add(TemplateText::new(path.to_owned(), source)))
    }

    fn add(&mut self, text: TemplateText) -> Arc<TemplateText> {
        let text = self
            .texts
            .entry(text.name.clone())
            .or_insert(Arc::new(text));
        Arc::clone(text)
    }

    /// Adds the texts that Tera does not know yet; after an error it knows none of them. The first is to be known as `name`.
    fn add_to_tera(&mut self, texts: &[Arc<TemplateText>], name: &str) -> TemplateResult<()> {
        let mut new: Vec<_> = texts
            .iter()
            .map(|text| (&*text.name, &*text.scan.text))
            .collect();
        let path = name
            .trim_end_matches(MARKDOWN)
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        // The template that only extends the file, under a name that Tera escapes.
        let extending = format!("{{% extends \"{path}\" %}}");
        if name.ends_with(MARKDOWN) {
            new.push((name, &extending));
        }
        new.retain(|(name, _)| !self.tera.contains_template(name));
        let result = self.tera.add_raw_templates(new);
        result.map_err(|error| self.explain(&error))
    }

    /// Collects the uses of a template, which consists of `texts`. Names that do not exist are errors.
    fn describe(
        &self,
        pointer: &str,
        name: String,
        texts: &[Arc<TemplateText>],
    ) -> TemplateResult<Leaf> {
        let names = &self.names;
        let tags = || texts.iter().flat_map(|text| &text.scan.tags);
        let mut uses = Uses {
            language: tags().any(Tag::writes_in_language),
            ..Uses::default()
        };
        let mut errors = Vec::new();
        let assigned: HashSet<&str> = tags().flat_map(Tag::assigned).collect();
        let variables = self
            .tera
            .get_template_variables(&name)
            .map_err(|error| self.explain(&error))?;
        let implicit = texts
            .iter()
            .flat_map(|text| text.scan.tokens(Kind::Implicit));
        uses.names
            .extend(implicit.filter_map(|name| names.find(&name.text)));
        for variable in variables {
            match names.find(variable) {
                Some(name) => {
                    uses.names.insert(name);
                }
                // An included file may use names that the including template sets, in an order that is not checked.
                None if assigned.contains(variable) => {}
                None => errors.push(unknown_name(variable, texts, names)),
            }
        }
        let uses_row = uses.uses_row(names);
        for text in texts {
            let wrong = |tag| wrong_comparisons(tag, text.source.text(), names, &assigned);
            let wrong = text.scan.tags.iter().flat_map(wrong);
            errors.extend(wrong.map(|error| text.with_source(error)));
            let compared = text.scan.tags.iter();
            let compared = compared.flat_map(|tag| compared_texts(tag, names, &assigned));
            uses.compared.extend(compared);
            if uses_row {
                errors.extend(text.columns_of_row(names, &mut uses));
            }
        }
        if !errors.is_empty() {
            errors.sort_by_cached_key(|error| {
                let source = error.place.source.as_ref();
                let position = source.map(|source| source.position(error.place.span.start));
                (position, error.message.clone())
            });
            errors.truncate(MOST_ERRORS);
            return Err(errors);
        }
        // In Markdown the value has to be escaped, so it cannot simply be copied.
        let only = texts.first().filter(|_| !name.ends_with(MARKDOWN));
        let only = only
            .and_then(|text| text.scan.text.strip_prefix("{{")?.strip_suffix("}}"))
            .map(|only| only.trim_ascii().to_owned())
            .filter(|only| names.column_named(only).is_some());
        let shown = texts
            .iter()
            .flat_map(|text| text.shown_columns(pointer, names));
        Ok(Leaf {
            pointer: pointer.to_owned(),
            columns: uses.columns(names),
            only,
            shown: shown.collect(),
            name,
            uses,
            is_path: false,
        })
    }

    /// Converts an error of Tera to ours, with places.
    fn explain(&self, error: &tera::Error) -> Vec<TemplateError> {
        match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                vec![self.error_of_report(report)]
            }
            // Errors that Tera finds only with all templates at hand are available as printed text only.
            ErrorKind::Msg(text) => text
                .split("\n\n")
                .map(|text| self.error_of_text(text))
                .collect(),
            ErrorKind::CircularInclude { .. } | ErrorKind::CircularExtend { .. } => {
                vec![template_error("the template includes itself")]
            }
            other => vec![from_tera(&other.to_string())],
        }
    }

    fn error_of_report(&self, report: &ReportError) -> TemplateError {
        let error = from_tera(report.message());
        let Some(text) = self.texts.get(report.filename()) else {
            return error;
        };
        let span = report.span();
        let start = text.offset(span.start_line, span.start_col);
        let end = text.offset(span.end_line, span.end_col);
        text.locate(error, start..end.max(start))
    }

    /// Parses a printed error: `error: Unknown filter`, and on the next line ` --> name:1:4`.
    fn error_of_text(&self, text: &str) -> TemplateError {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let error = from_tera(first.strip_prefix("error: ").unwrap_or(first));
        let place = lines.next().and_then(|line| {
            let mut parts = line.trim_start().strip_prefix("--> ")?.rsplitn(3, ':');
            let column: usize = parts.next()?.parse().ok()?;
            let line = parts.next()?.parse().ok()?;
            Some((
                self.texts.get(parts.next()?)?,
                line,
                column.saturating_sub(1),
            ))
        });
        match place {
            Some((text, line, column)) => {
                let start = text.offset(line, column);
                text.locate(error, start..start)
            }
            None => error,
        }
    }
}

impl TemplateText {
    fn new(name: String, source: Source) -> Self {
        Self {
            name,
            scan: scan(source.text()),
            source: Arc::new(source),
        }
    }

    fn source_text(&self, at: &Range<usize>) -> &str {
        self.source.text().get(at.clone()).unwrap_or_default()
    }

    /// Sets the place of an error to a range of this text.
    fn locate(&self, mut error: TemplateError, span: Range<usize>) -> TemplateError {
        error.place.span = span;
        self.with_source(error)
    }

    /// Completes the place of an error, whose span is known.
    fn with_source(&self, mut error: TemplateError) -> TemplateError {
        error.place.source = Some(Arc::clone(&self.source));
        error
    }

    /// The byte offset of a line (from 1) and column (in characters, from 0).
    fn offset(&self, line: usize, column: usize) -> usize {
        let span = self.source.line_span(line);
        let text = self.source.text().get(span.clone()).unwrap_or_default();
        let within = text.char_indices().nth(column);
        within.map_or(span.end, |(at, _)| span.start + at)
    }

    fn mistakes(&self) -> impl Iterator<Item = TemplateError> {
        let mistakes = self.scan.tags.iter().flat_map(mistakes);
        let unclosed = unclosed_section(&self.scan.tags, &self.source);
        let all = mistakes.chain(unclosed);
        all.map(|error| self.with_source(error))
    }

    /// Adds the columns that are used as `row["E-post"]`. Columns that do not exist are errors.
    fn columns_of_row(&self, names: &Names, uses: &mut Uses) -> Vec<TemplateError> {
        if self.scan.tokens(Kind::Name).any(|name| name.text == "row") {
            uses.row.extend(names.columns().map(|(name, _)| name));
        }
        let mut errors = Vec::new();
        for key in self.scan.tokens(Kind::Column) {
            if let Some(name) = names.column(&key.text) {
                uses.row.insert(name);
            } else {
                let written = self.source_text(&key.at);
                let error = template_error(format!("there is no column `{written}`"))
                    .with_hint(names.column_hint(written));
                errors.push(self.locate(error, key.at.clone()));
            }
        }
        uses.names.extend(&uses.row);
        errors
    }

    fn shown_columns(
        &self,
        pointer: &str,
        names: &Names,
    ) -> impl Iterator<Item = Arc<ShownColumn>> {
        shown(&self.scan.tags).into_iter().filter_map(|token| {
            Some(Arc::new(ShownColumn {
                pointer: pointer.to_owned(),
                column: names.column_named(&token.variable()?)?,
                source: Arc::clone(&self.source),
                span: token.at.clone(),
            }))
        })
    }
}

fn unknown_name(name: &str, texts: &[Arc<TemplateText>], names: &Names) -> TemplateError {
    let word = texts.iter().find_map(|text| {
        let mut names = text.scan.tokens(Kind::Name);
        let word = names.find(|word| word.text == name)?;
        Some((text, word.at.clone()))
    });
    let unknown = |written: &str| {
        template_error(format!("there is no column or variable `{written}`"))
            .with_hint(names.hint(written))
    };
    match word {
        Some((text, at)) => text.locate(unknown(text.source_text(&at)), at),
        None => unknown(name),
    }
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

    /// Line and column of a mistake; 0 when its place is unknown.
    fn position(error: &TemplateError) -> (usize, usize) {
        error.place.source.as_ref().map_or((0, 0), |source| {
            let position = source.position(error.place.span.start);
            (position.line, position.column)
        })
    }

    fn placed(error: &TemplateError) -> (usize, usize, &str, Option<&str>) {
        let (line, column) = position(error);
        (line, column, &error.message, error.hint.as_deref())
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
        assert_eq!(error.place.pointer, "/text");
        assert!(error.place.source.unwrap().path().as_os_str().is_empty());
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
            errors.iter().map(position).collect::<Vec<_>>(),
            [(1, 4), (1, 11)]
        );
    }

    #[test]
    fn a_template_of_one_column_is_recognised() {
        for (text, is_one) in [
            ("{{ Fødselsnummer }}", true),
            ("{{Saksnummer}}", true),
            ("{{ Saksnummer }} ", false),
            (" {{ Saksnummer }}", false),
            ("{{- Saksnummer }}", false),
            ("{{ Saksnummer -}}", false),
            ("{{ Saksnummer.b }}", false),
            ("{{ Saksnummer }}{{ Saksnummer }}", false),
        ] {
            let compiled = bench(&[]).templates.compile_text("", text).unwrap();
            let leaf = compiled.leaf().unwrap();
            assert_eq!(leaf.only.is_some(), is_one, "{text}");
        }
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
                (position(&error), error.message.as_str()),
                ((line, column), message),
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
            .map(|error| (position(error).0, error.message.as_str()))
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
        assert_eq!(errors[0].place.source.as_ref().unwrap().path(), path);
        assert_eq!(position(&errors[0]), (2, 4));
        assert_eq!(errors[0].place.pointer, "/root/x");
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
            (position(&errors[0]).0, errors[0].message.clone())
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
            (position(&error), error.message.as_str()),
            ((1, 13), "there is no such file")
        );
    }

    #[test]
    fn mistakes_of_a_row_have_their_place_and_no_list_of_values() {
        let mut bench = bench(&[]);
        let tree = bench.tree(&json!("åå {{ row[Saksnummer] }}"));
        let errors = bench.render::<String>(&tree, &["x", "y", "z"]).unwrap_err();
        assert_eq!(position(&errors[0]), (1, 7));
        assert_eq!(
            errors[0].message,
            "tried to render a variable that is undefined"
        );
    }
}
