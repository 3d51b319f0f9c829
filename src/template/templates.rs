//! All templates of a mailing: what they are compiled in, and how they are rendered.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde_json::Value;
use tera::Tera;

use super::budget::size;
use super::condition::{self, Condition};
use super::engine;
use super::error::{SetupError, TemplateError};
use super::folder::Folder;
use super::language::Language;
use super::leaf::{Compiled, Leaf, Origin};
use super::names::{Meaning, Names};
use super::program::{Form, Program, Surroundings};
use super::scan::scan;
use super::scope::{Scope, Uses};
use super::tree;
use super::tree::{Text, Tree};
use crate::diagnostic::Source;

/// A template file, or what is wrong with it; either is found once.
pub(super) type File = Arc<Result<Compiled, Vec<TemplateError>>>;

/// What is special about places in a manifest.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemberRules {
    /// JSON pointers of texts that are Markdown: values in them are escaped.
    pub markdown: &'static [&'static str],
    /// Members whose keys are the author's own, so that `when` in them means nothing.
    pub own_keys: &'static [&'static str],
}

/// Compiles and renders the templates of one mailing. Can be shared between threads once everything is compiled.
pub struct Templates {
    folder: Folder,
    pub(super) names: Names,
    /// Functions, filters and what is the same for all rows; every template gets a copy of its own.
    base: Tera,
    /// Whether a rendering has asked for `now()`.
    asked: Arc<AtomicBool>,
    uses: Uses,
    /// What everything compiled so far speaks of, the same for all rows or not, files of rows included.
    spoken: RwLock<Uses>,
    /// By their paths: those that are plain text, and those that are Markdown.
    pub(super) files: [RwLock<HashMap<String, File>>; 2],
    pub(super) rules: MemberRules,
    /// Whether the paths of some come from rows.
    files_of_rows: bool,
    /// How long the longest variable is.
    pub(super) longest: usize,
    /// The language of what is the same for all rows.
    language: Language,
    /// The columns that the language of letters comes from, when it differs from row to row.
    language_columns: Option<Vec<String>>,
}

impl Templates {
    /// Templates of a manifest in `folder`. `now` is the instant that `now()` gives: when the mailing was first sent.
    pub fn new(
        folder: &Path,
        names: Names,
        mailing: &str,
        now: Timestamp,
    ) -> Result<Self, SetupError> {
        let asked = Arc::default();
        let mut base = engine::new(now, Arc::clone(&asked)).map_err(SetupError::Zone)?;
        let mut longest = 0;
        for name in &names.all {
            let value = match &name.meaning {
                Meaning::Variable(value) => engine::own(value),
                Meaning::Mailing => tera::Value::safe_string(mailing),
                Meaning::RecipientName => tera::Value::safe_string("{{recipientName}}"),
                Meaning::Column(_) | Meaning::RowNumber | Meaning::Row => continue,
            };
            longest = longest.max(size(&value));
            base.global_context()
                .insert_value(name.identifier.to_string(), value);
        }
        Ok(Self {
            folder: Folder::new(folder)?,
            names,
            base,
            asked,
            uses: Uses::default(),
            spoken: RwLock::default(),
            files: Default::default(),
            rules: MemberRules::default(),
            files_of_rows: false,
            longest,
            language: Language::default(),
            language_columns: None,
        })
    }

    /// Whether anything that was rendered so far asked for `now()`.
    pub fn uses_now(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Says what is special about places in the manifest; before anything is compiled.
    #[must_use]
    pub fn with_member_rules(self, rules: MemberRules) -> Self {
        Self { rules, ..self }
    }

    /// Says which text renders to the language of letters; before anything else is compiled. Where it differs from row to row, every scope is told with
    /// [`Scope::set_language`].
    pub fn set_language(&mut self, language: &Text) {
        match &language.0 {
            tree::Content::Constant(text) => {
                self.language = Language::parse(text).unwrap_or_default();
            }
            tree::Content::Leaf(leaf) => self.language_columns = Some(leaf.columns.clone()),
        }
    }

    /// Compiles a JSON value whose strings are templates and whose `{ "file": path }` objects are template files. `pointer` is where the value
    /// stands in the manifest. Gives everything that is wrong.
    pub fn compile(&mut self, pointer: &str, value: &Value) -> Result<Tree, Vec<TemplateError>> {
        tree::compile(self, pointer, value)
    }

    /// Compiles one text.
    pub fn compile_text(&mut self, pointer: &str, text: &str) -> Result<Text, Vec<TemplateError>> {
        tree::compile_text(self, pointer, text)
    }

    /// Compiles the `when` of a part; none means always.
    pub fn compile_condition(
        &mut self,
        pointer: &str,
        when: Option<&Value>,
    ) -> Result<Condition, Vec<TemplateError>> {
        condition::compile_condition(self, pointer, when)
    }

    /// A row as the compiled templates see it: its number, and `value` for the values of its columns (from 0).
    pub fn begin<'a>(&self, number: u64, value: impl Fn(usize) -> &'a str) -> Scope {
        let mut scope = Scope::default();
        self.fill(&mut scope, number, value);
        scope
    }

    /// The same into a scope of an earlier row, whose memory is reused.
    pub fn fill<'a>(&self, scope: &mut Scope, number: u64, value: impl Fn(usize) -> &'a str) {
        scope.fill(&self.names, &self.uses, number, value);
        scope.language = self.language;
    }

    /// The columns and variables that anything compiled so far uses, as the person wrote them. Template files whose paths come from rows are compiled
    /// when their first row is rendered.
    pub fn used_names(&self) -> impl Iterator<Item = &str> {
        let spoken = self.spoken.read().unwrap_or_else(PoisonError::into_inner);
        let spoken = spoken.clone();
        let all = self.names.all.iter().enumerate();
        all.filter(move |(at, name)| match name.meaning {
            Meaning::Column(column) => spoken.names.contains(at) || spoken.row.contains(&column),
            Meaning::Variable(_) => spoken.names.contains(at),
            _ => false,
        })
        .map(|(_, name)| &*name.written)
    }

    /// Whether rows choose template files: what those use is only known when all rows have been rendered.
    pub fn rows_choose_files(&self) -> bool {
        self.files_of_rows
    }

    /// The template files met so far, includes among them: paths relative to the manifest's folder.
    pub fn files_read(&self) -> Vec<String> {
        self.folder.files_read()
    }

    /// Compiles the text of a template, and renders it when it is the same for all rows.
    pub(super) fn program(
        &self,
        source: Source,
        form: Form,
    ) -> Result<Compiled, Vec<TemplateError>> {
        let scanned = scan(source.text());
        if !scanned.has_tags {
            return Ok(Compiled::Constant(source.text().to_owned()));
        }
        let surroundings = Surroundings {
            tera: &self.base,
            names: &self.names,
            folder: &self.folder,
        };
        let program = Program::compile(Arc::new(source), form, scanned, &surroundings)?;
        let mut spoken = self.spoken.write().unwrap_or_else(PoisonError::into_inner);
        spoken.extend(&program.uses);
        drop(spoken);
        let languages_vary = program.uses.language && self.language_columns.is_some();
        if languages_vary || program.uses.vary(&self.names) {
            return Ok(Compiled::Varying(Box::new(program)));
        }
        let (mut text, scope) = (
            Vec::new(),
            Scope {
                language: self.language,
                ..Scope::default()
            },
        );
        program
            .render(&scope.context, self.terms(&scope), &mut text)
            .map_err(|error| vec![*error])?;
        let text = String::from_utf8(text).map_err(|_| vec![not_text()])?;
        Ok(Compiled::Constant(text))
    }

    /// Compiles a file in the manifest's folder.
    pub(super) fn file(&self, path: &str, form: Form) -> Result<Compiled, Vec<TemplateError>> {
        let source = self.folder.read(path).map_err(|error| vec![*error])?;
        self.program(source, form)
    }

    /// Counts a leaf in and makes it ready to be rendered.
    pub(super) fn admit(&mut self, pointer: &str, origin: Origin) -> Leaf {
        self.uses.extend(origin.uses());
        if matches!(origin, Origin::File(_)) {
            // Nobody knows yet what those files speak of.
            self.files_of_rows = true;
            self.uses.extend_to_all(&self.names);
        }
        let mut columns = origin.uses().columns(&self.names);
        if let (true, Some(more)) = (origin.uses().language, &self.language_columns) {
            let more = more.iter().filter(|column| !columns.contains(column));
            columns.extend(more.cloned().collect::<Vec<_>>());
        }
        Leaf {
            pointer: pointer.to_owned(),
            columns,
            origin,
            is_markdown: false,
            is_condition: false,
            condition: None,
        }
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("folder", &self.folder)
            .field("uses", &self.uses)
            .finish_non_exhaustive()
    }
}

pub(super) fn not_text() -> TemplateError {
    TemplateError::new("the template does not render to text")
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use serde::de::DeserializeOwned;
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    /// A folder with files, columns, and what was compiled; a row is a list of values.
    pub(in crate::template) struct Bench {
        pub(in crate::template) folder: TempDir,
        pub(in crate::template) templates: Templates,
    }

    impl Bench {
        pub(in crate::template) fn new(
            headers: &[&str],
            variables: &Value,
            files: &[(&str, &str)],
        ) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = folder.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            let headers: Vec<_> = headers.iter().map(|header| (*header).to_owned()).collect();
            let names = Names::new(&headers, variables.as_object().unwrap()).unwrap();
            let now = "2026-11-20T09:00:00Z".parse().unwrap();
            let templates = Templates::new(folder.path(), names, "purring", now).unwrap();
            Self { folder, templates }
        }

        pub(in crate::template) fn tree(&mut self, value: &Value) -> Tree {
            self.templates.compile("/root", value).unwrap()
        }

        pub(in crate::template) fn render<T: DeserializeOwned>(
            &self,
            tree: &Tree,
            row: &[&str],
        ) -> Result<T, Vec<TemplateError>> {
            let scope = self.templates.begin(7, |column| row[column]);
            self.templates.render(tree, &scope)
        }

        /// The one error of a text that does not compile.
        pub(in crate::template) fn refused(&mut self, text: &str) -> TemplateError {
            let mut errors = self.templates.compile_text("/text", text).unwrap_err();
            assert_eq!(errors.len(), 1, "{errors:?}");
            errors.remove(0)
        }
    }

    /// One text for one row of two columns.
    fn text(template: &str) -> String {
        let mut bench = Bench::new(
            &["Språk", "E-post"],
            &json!({"frist": "2026-12-15", "satser": [1, 2.5], "svar": true}),
            &[],
        );
        let text = bench.templates.compile_text("/text", template).unwrap();
        let row = ["nb", "kåre@example.no"];
        let scope = bench.templates.begin(7, |column| row[column]);
        bench.templates.render_text(&text, &scope).unwrap()
    }

    #[test]
    fn templates_see_columns_variables_and_a_few_names_more() {
        for (template, rendered) in [
            ("uten felt\n", "uten felt\n"),
            ("{{ Språk }}", "nb"),
            ("{{ Sprak }} {{ E_post }}", "nb kåre@example.no"),
            (
                "{{ row[\"E-post\"] }} {{ row['Språk'] }} {{ row.Språk }}",
                "kåre@example.no nb nb",
            ),
            ("{% for h, v in row %}{{ v }};{% endfor %}", "row"),
            (
                "{{ frist }} {{ satser[1] }} {{ svar }}",
                "2026-12-15 2.5 true",
            ),
            ("{{ mailing }}/{{ row_number }}", "purring/7"),
            ("Hei {{recipientName}}!", "Hei {{recipientName}}!"),
            ("{{ now() | plus(days=14) }}", "2026-12-04T10:00:00+01:00"),
            ("{% if Språk == 'nb' %}ja{% endif %}{# Språk #}", "ja"),
            ("{% raw %}{{ Språk }}{% endraw %}", "{{ Språk }}"),
            ("{{ '<b>' }}{{ E_post | upper }}", "<b>KÅRE@EXAMPLE.NO"),
        ] {
            if rendered == "row" {
                // In no order; the second column is there by both of its names.
                assert_eq!(text(template).matches("kåre@example.no;").count(), 2);
            } else {
                assert_eq!(text(template), rendered, "{template}");
            }
        }
    }

    #[test]
    fn what_is_the_same_for_all_rows_is_rendered_once() {
        let mut bench = Bench::new(&["a"], &json!({"b": "x"}), &[]);
        for (template, constant) in [
            ("text", true),
            ("{{ b }} {{ now() }} {{ mailing }} {{recipientName}}", true),
            ("{{ a }}", false),
            ("{{ row_number }}", false),
            ("{{ row[\"a\"] }}", false),
        ] {
            let text = bench.templates.compile_text("", template).unwrap();
            assert_eq!(text.is_constant(), constant, "{template}");
        }
    }

    #[test]
    fn columns_that_feed_a_text_are_known() {
        let mut bench = Bench::new(&["a", "b", "E-post"], &json!({"c": 1}), &[]);
        let text = bench
            .templates
            .compile_text("", "{{ b ~ c }}{{ row['E-post'] }}")
            .unwrap();
        assert_eq!(text.columns(), ["b", "E-post"]);
        let used: Vec<_> = bench.templates.used_names().collect();
        assert_eq!(used, ["b", "E-post", "c"]);
    }

    #[test]
    fn what_is_the_same_for_all_rows_counts_as_used_too() {
        let mut bench = Bench::new(
            &["a"],
            &json!({"b": 1, "c": 2, "d": 3}),
            &[("x.md", "{{ c }}")],
        );
        bench.templates.compile_text("", "{{ b }}").unwrap();
        bench.tree(&json!({"x": {"file": "x.md"}}));
        let used: Vec<_> = bench.templates.used_names().collect();
        assert_eq!(used, ["b", "c"]);
    }

    #[test]
    fn files_are_chosen_by_the_row() {
        let mut bench = Bench::new(
            &["Språk", "Navn"],
            &json!({}),
            &[
                ("letter.nb.md", "Kjære {{ Navn }}\n"),
                ("letter.nn.md", "Kjære {{ row['Navn'] }}!\n"),
                ("letter.en.md", "Dear all\n"),
            ],
        );
        let tree = bench.tree(&json!({"file": "letter.{{ Språk }}.md"}));
        assert!(!tree.is_constant());
        assert_eq!(
            bench.templates.used_names().count(),
            1,
            "no file is known yet"
        );
        for _ in 0..2 {
            assert_eq!(
                bench.render::<String>(&tree, &["nb", "Kåre"]).unwrap(),
                "Kjære Kåre\n"
            );
            assert_eq!(
                bench.render::<String>(&tree, &["nn", "Kåre"]).unwrap(),
                "Kjære Kåre!\n"
            );
            assert_eq!(
                bench.render::<String>(&tree, &["en", "Kåre"]).unwrap(),
                "Dear all\n"
            );
            for (language, message) in [
                ("se", "there is no such file"),
                (
                    "/../../x",
                    "only files in the manifest's folder can be used",
                ),
            ] {
                let errors = bench
                    .render::<String>(&tree, &[language, "Kåre"])
                    .unwrap_err();
                assert_eq!(errors[0].message, message);
                assert_eq!(errors[0].pointer, "/root");
            }
        }
        assert_eq!(bench.templates.used_names().count(), 2);
    }

    #[test]
    fn a_file_is_read_once() {
        let mut bench = Bench::new(&["a"], &json!({}), &[("x.md", "{{ a }}1")]);
        let tree = bench.tree(&json!({"file": "{{ a }}.md"}));
        assert_eq!(bench.render::<String>(&tree, &["x"]).unwrap(), "x1");
        fs::write(bench.folder.path().join("x.md"), "changed").unwrap();
        assert_eq!(bench.render::<String>(&tree, &["x"]).unwrap(), "x1");
    }

    #[test]
    fn every_error_of_a_row_is_told() {
        let mut bench = Bench::new(&["a"], &json!({}), &[]);
        let value = json!({"x": "{{ a | plus(days=1) }}", "y": ["{{ a | int }}", "{{ a }}"]});
        let tree = bench.tree(&value);
        let errors = bench
            .render::<BTreeMap<String, Value>>(&tree, &["26818099001 x"])
            .unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/root/x", "/root/y/0"]);
        assert_eq!(
            errors[0].message,
            "`plus` needs a date such as 2026-12-15 or 15.12.2026, or a time"
        );
        assert_eq!(errors[0].cause.as_deref(), Some("`268180***** x`"));
        assert!(!format!("{errors:?}").contains("26818099001"));
    }

    #[test]
    fn a_scope_is_used_again() {
        let mut bench = Bench::new(&["a"], &json!({}), &[]);
        let text = bench
            .templates
            .compile_text("", "{{ a }}{{ row_number }}")
            .unwrap();
        let mut scope = Scope::default();
        for (number, value) in [(1, "x"), (2, "y")] {
            bench.templates.fill(&mut scope, number, |_| value);
            let rendered = bench.templates.render_text(&text, &scope).unwrap();
            assert_eq!(rendered, format!("{value}{number}"));
        }
    }

    #[test]
    fn endless_texts_stop() {
        let mut bench = Bench::new(&["a"], &json!({}), &[]);
        let template = "{% for i in range(end=9999) %}{{ a }}{% for j in range(end=20) %}{{ a }}{% endfor %}{% endfor %}";
        let tree = bench.tree(&json!({"x": template}));
        let errors = bench.render::<Value>(&tree, &["0123456789"]).unwrap_err();
        assert_eq!(errors[0].message, "the template renders to more than 1 MB");
    }

    #[test]
    fn templates_are_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Templates>();
        shared::<Tree>();
    }
}
