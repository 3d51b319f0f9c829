//! The templates of a mailing: compiled together, and rendered for one row at a time.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use super::condition::read_condition;
use super::engine;
use super::error::{TemplateError, TemplateResult, at, template_error};
use super::folder::Folder;
use super::library::Library;
use super::names::{Meaning, Names};
use super::scope::Scope;
use super::tree::{Leaf, Text, Tree};
use super::uses::Uses;
use crate::correspondence::Language;
use crate::diagnostic::Source;

/// The largest number of compiled files that are cached for paths from rows. With a file for every row, memory would grow without it.
const FILES_KEPT: usize = 1000;

/// The members of a manifest that are treated in a special way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemberRules {
    /// The JSON pointers of texts that are Markdown, in which values are escaped.
    pub markdown: &'static [&'static str],
    /// The members whose keys the author chooses, so that `when` in them is an ordinary key.
    pub own_keys: &'static [&'static str],
}

/// A template file whose path comes from a row, with its own library. Errors are cached too, so that a file is compiled once.
struct RowFile {
    library: Library,
    text: TemplateResult<Text>,
}

/// Compiles and renders the templates of a mailing. After compilation it can be shared between threads.
pub(crate) struct Templates {
    folder: Arc<Folder>,
    names: Arc<Names>,
    pub(super) rules: MemberRules,
    library: Library,
    /// The text that renders to the language of letters.
    language: Text,
    /// The combined uses of everything compiled so far, constant texts and files chosen by rows included. Behind a lock, because such files are compiled while
    /// rows are rendered.
    uses: RwLock<Uses>,
    /// The combined uses of the leaves: the names that a scope is filled with.
    filled: Uses,
    /// True when the paths of some files come from rows.
    rows_choose_files: bool,
    /// A library without templates, from which each file chosen by a row gets a copy: a Tera can add templates but not drop them from a cache.
    empty: Library,
    /// True once a rendering has called `now()`.
    now_was_used: Arc<AtomicBool>,
    /// The cached files whose paths come from rows: those in plain text (false) and in Markdown, by path.
    row_files: RwLock<HashMap<(bool, String), Arc<RowFile>>>,
}

impl Templates {
    /// Sets up the templates of a manifest in `folder`. `now` is the result of `now()`: the time the mailing was first sent.
    pub(crate) fn new(
        folder: &Path,
        names: Names,
        mailing: &str,
        now: Timestamp,
        rules: MemberRules,
    ) -> Result<Self, Box<TemplateError>> {
        let opened = Folder::new(folder).map_err(|error| {
            let message = format!("the folder {} cannot be read", folder.display());
            let mut error = template_error(message).with_cause(error.to_string());
            error.place.file = Some(folder.to_owned());
            error
        })?;
        let now_was_used = Arc::default();
        let mut tera = engine::new(now, Arc::clone(&now_was_used));
        for name in &names.all {
            let value = match &name.meaning {
                Meaning::Variable(value) => engine::manifest_value(value),
                Meaning::Mailing => tera::Value::safe_string(mailing),
                // Marked as safe, because escaped braces would hide the placeholder from Altinn.
                Meaning::RecipientName => tera::Value::safe_string("{{recipientName}}"),
                Meaning::Column(_) | Meaning::RowNumber | Meaning::Row => continue,
            };
            tera.global_context()
                .insert_value(name.identifier.to_string(), value);
        }
        let (names, folder) = (Arc::new(names), Arc::new(opened));
        let library = Library::new(tera, Arc::clone(&names), Arc::clone(&folder));
        Ok(Self {
            empty: library.clone(),
            folder,
            names,
            rules,
            library,
            language: Text::Constant(String::new()),
            uses: RwLock::default(),
            filled: Uses::default(),
            rows_choose_files: false,
            now_was_used,
            row_files: RwLock::default(),
        })
    }

    /// True once anything that was rendered has called `now()`.
    pub(crate) fn uses_now(&self) -> bool {
        self.now_was_used.load(Ordering::Relaxed)
    }

    /// Sets the text that renders to the language of letters. To be called before anything else is compiled, because the language decides how filters write dates and
    /// amounts.
    pub(crate) fn set_language(&mut self, language: Text) {
        self.language = language;
    }

    /// The language of a row's letter. Errors in it are reported with the letter's other members.
    fn language(&self, scope: &Scope) -> Language {
        let text = self.render_text(&self.language, scope);
        Language::parse(&text.unwrap_or_default()).unwrap_or_default()
    }

    pub(super) fn is_markdown(&self, pointer: &str) -> bool {
        self.rules.markdown.contains(&pointer)
    }

    /// Reads a template file, which the value at `pointer` names.
    pub(super) fn read(&self, pointer: &str, path: &str) -> TemplateResult<Source> {
        let source = self.folder.read(pointer, path);
        source.map_err(|error| at(vec![*error], pointer))
    }

    /// Compiles a text of the manifest, or a file, which has a path.
    pub(super) fn compile_source(
        &mut self,
        pointer: &str,
        path: Option<&str>,
        source: Source,
        is_markdown: bool,
    ) -> TemplateResult<Text> {
        let library = &mut self.library;
        let text = library.compile(pointer, path, source, is_markdown)?;
        let text = self.finish(&self.library, text)?;
        if let Text::Leaf(leaf) = &text {
            self.filled.extend(&leaf.uses);
        }
        Ok(text)
    }

    /// Renders a text at once when it is the same for all rows.
    fn finish(&self, library: &Library, text: Text) -> TemplateResult<Text> {
        let Text::Leaf(mut leaf) = text else {
            return Ok(text);
        };
        let uses = self.uses.write();
        uses.unwrap_or_else(PoisonError::into_inner)
            .extend(&leaf.uses);
        if leaf.uses.language && !self.language.is_constant() {
            for column in self.language.columns() {
                if !leaf.columns.iter().any(|own| own == column) {
                    leaf.columns.push(column.to_owned());
                }
            }
        } else if !leaf.uses.vary(&self.names) {
            // The scope is empty: variables and the mailing's name are in Tera's global context.
            let mut scope = Scope::default();
            scope.language = self.language(&scope);
            let text = library.render(&leaf, &scope.context, &scope);
            let text = text.map_err(|errors| at(errors, &leaf.pointer))?;
            return Ok(Text::Constant(text));
        }
        Ok(Text::Leaf(leaf))
    }

    /// Prepares for files whose paths come from rows. Their uses are unknown until a row chooses them, so every name must be available.
    pub(super) fn let_rows_choose_files(&mut self) {
        self.rows_choose_files = true;
        self.filled.extend_to_all(&self.names);
    }

    /// Replaces the row of a scope: its number, and `value` for the values of its columns, by index from 0.
    pub(crate) fn fill<'a>(
        &self,
        scope: &mut Scope,
        number: u64,
        value: impl Fn(usize) -> &'a str,
    ) {
        scope.fill(&self.names, &self.filled, number, value);
        scope.language = self.language(scope);
    }

    /// The columns and variables that anything compiled so far uses, as the user wrote them. Template files whose paths come from rows are compiled
    /// when their first row is rendered.
    pub(crate) fn used_names(&self) -> impl Iterator<Item = &str> {
        let used = self.uses.read();
        let used = used.unwrap_or_else(PoisonError::into_inner).clone();
        let all = self.names.all.iter().enumerate();
        let all = all.filter(move |(at, name)| {
            used.names.contains(at)
                && matches!(name.meaning, Meaning::Column(_) | Meaning::Variable(_))
        });
        all.map(|(_, name)| &*name.written)
    }

    /// The texts that anything compiled so far compares the column with this index with.
    pub(crate) fn compared_with(&self, column: usize) -> Vec<String> {
        let used = self.uses.read().unwrap_or_else(PoisonError::into_inner);
        let compared = used.compared.iter().filter(|(name, _)| {
            let name = self.names.all.get(*name);
            name.is_some_and(|name| name.column() == Some(column))
        });
        compared.map(|(_, text)| text.clone()).collect()
    }

    /// True when rows choose template files, so that the used names are known only after all rows have been rendered.
    pub(crate) fn rows_choose_files(&self) -> bool {
        self.rows_choose_files
    }

    /// The template files read so far, included ones among them, as paths relative to the manifest's folder.
    pub(crate) fn files_read(&self) -> Vec<String> {
        self.folder.files_read(None)
    }

    /// The text of a template file that has been read. A file that can no longer be read has been reported where it is compiled.
    pub(crate) fn source(&self, file: &str) -> Option<Arc<Source>> {
        self.folder.read("", file).ok().map(Arc::new)
    }

    /// The template files read so far that the value at a JSON pointer names, itself or through a row.
    pub(crate) fn files_of(&self, pointer: &str) -> Vec<String> {
        self.folder.files_read(Some(pointer))
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

impl Templates {
    /// The path of the file that the row chooses for the text at a pointer; `None` for other texts.
    pub(crate) fn chosen_file(&self, tree: &Tree, scope: &Scope, pointer: &str) -> Option<String> {
        let leaf = tree.leaf_at(pointer).filter(|leaf| leaf.is_path)?;
        self.path(leaf, scope).ok()
    }

    fn path(&self, leaf: &Leaf, scope: &Scope) -> TemplateResult<String> {
        self.library.render(leaf, &scope.context, scope)
    }

    /// The text of the template at a pointer, with a letter in place of every value; `None` when it is blank. `file` is the path that the row chooses, if it does.
    pub(crate) fn own_text(
        &self,
        tree: &Tree,
        pointer: &str,
        file: Option<&str>,
    ) -> Option<String> {
        let leaf = tree.leaf_at(pointer)?;
        if !leaf.is_path {
            return self.library.own_text(leaf);
        }
        let file = self.row_file(leaf, file?.to_owned());
        match file.text.as_ref().ok()? {
            Text::Constant(text) => Some(text.clone()),
            Text::Leaf(leaf) => file.library.own_text(leaf),
        }
    }

    /// True when a part is included for a row.
    pub(crate) fn holds(&self, condition: &Text, scope: &Scope) -> TemplateResult<bool> {
        let pointer = condition.leaf().map_or("", |leaf| &leaf.pointer);
        read_condition(&self.render_text(condition, scope)?, pointer)
    }

    /// Renders one text for a row.
    pub(crate) fn render_text(&self, text: &Text, scope: &Scope) -> TemplateResult<String> {
        let leaf = match text {
            Text::Constant(text) => return Ok(text.clone()),
            Text::Leaf(leaf) => leaf,
        };
        let rendered = if leaf.is_path {
            self.render_row_file(leaf, scope)
        } else {
            self.library.render(leaf, &scope.context, scope)
        };
        rendered.map_err(|errors| at(errors, &leaf.pointer))
    }

    fn render_row_file(&self, leaf: &Leaf, scope: &Scope) -> TemplateResult<String> {
        let file = self.row_file(leaf, self.path(leaf, scope)?);
        match &file.text {
            Err(errors) => {
                let mut errors = errors.clone();
                for TemplateError { place, .. } in &mut errors {
                    place.is_in_every_row = place.source.is_some() || place.file.is_some();
                }
                Err(errors)
            }
            Ok(Text::Constant(constant)) => Ok(constant.clone()),
            Ok(Text::Leaf(leaf)) => {
                // The `row` in the scope has only the columns that were known to be used before this file was chosen.
                let uses_row = leaf.uses.uses_row(&self.names);
                let context = uses_row.then(|| scope.with_row(&self.names, &leaf.uses));
                let context = context.as_ref().unwrap_or(&scope.context);
                file.library.render(leaf, context, scope)
            }
        }
    }

    /// Returns a file whose path comes from a row, and compiles it on first use.
    fn row_file(&self, leaf: &Leaf, path: String) -> Arc<RowFile> {
        let key = (self.is_markdown(&leaf.pointer), path);
        let files = self.row_files.read();
        let files = files.unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&key) {
            return Arc::clone(file);
        }
        // Compiled without a lock: two threads may compile the same file, which is harmless.
        drop(files);
        let (is_markdown, path) = &key;
        let mut library = self.empty.clone();
        let source = self.read(&leaf.pointer, path);
        let text = source
            .and_then(|source| library.compile(&leaf.pointer, Some(path), source, *is_markdown))
            .and_then(|text| self.finish(&library, text));
        let file = Arc::new(RowFile { library, text });
        let files = self.row_files.write();
        let mut files = files.unwrap_or_else(PoisonError::into_inner);
        if files.len() >= FILES_KEPT {
            // Clearing is simple and enough: a mailing with more files has one for nearly every row.
            files.clear();
        }
        files.insert(key, Arc::clone(&file));
        file
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};
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
            let rules = MemberRules {
                markdown: &["/root/body", "/root/file", "/root/row"],
                own_keys: &["own"],
            };
            let templates = Templates::new(folder.path(), names, "purring", now, rules).unwrap();
            Self { folder, templates }
        }

        pub(in crate::template) fn tree(&mut self, value: &Value) -> Tree {
            self.templates.compile("/root", value).unwrap()
        }

        pub(in crate::template) fn render<T: DeserializeOwned>(
            &self,
            tree: &Tree,
            row: &[&str],
        ) -> TemplateResult<T> {
            self.templates.render(tree, &self.scope(row))
        }

        pub(in crate::template) fn scope(&self, row: &[&str]) -> Scope {
            let mut scope = Scope::default();
            self.templates.fill(&mut scope, 7, |column| row[column]);
            scope
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
        let scope = bench.scope(&row);
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
                assert_eq!(errors[0].place.pointer, "/root");
            }
        }
        assert_eq!(bench.templates.used_names().count(), 2);
    }

    #[test]
    fn members_behind_what_is_left_out_are_found_in_the_manifest() {
        let mut bench = Bench::new(&["a", "b"], &json!({}), &[]);
        let tree = bench.tree(&json!({"list": [
            {"x": "{{ a }}"},
            {"x": "y", "when": "{{ b == 'yes' }}"},
            {"x": ["", "{{ a }}", "z"]},
        ]}));
        for (row, rendered, written) in [
            (["", "no"], "/root/list/0/x/0", "/root/list/2/x/2"),
            (["", "yes"], "/root/list/1/x/0", "/root/list/2/x/2"),
            (["1", "no"], "/root/list/1/x/1", "/root/list/2/x/2"),
            (["1", "yes"], "/root/list/1/x", "/root/list/1/x"),
            (["1", "yes"], "/root/list/7/x", "/root/list/7/x"),
            (["1", "yes"], "/root/other/0", "/root/other/0"),
        ] {
            let scope = bench.scope(&row);
            let found = bench.templates.pointer_in_manifest(&tree, &scope, rendered);
            assert_eq!(found, written, "{row:?}");
        }
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
        let pointers: Vec<_> = errors
            .iter()
            .map(|error| error.place.pointer.as_str())
            .collect();
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
