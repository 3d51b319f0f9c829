//! Templates compiled, and rendered at once when they are the same for all rows.

use std::sync::{PoisonError, RwLock};

use super::error::TemplateError;
use super::folder::Folder;
use super::library::{Draft, Library, Template};
use super::names::Names;
use super::scan::scan;
use super::uses::Uses;
use crate::correspondence::Language;
use crate::diagnostic::Source;

/// Rules for certain members of a manifest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemberRules {
    /// JSON pointers of texts that are Markdown: values in them are escaped.
    pub markdown: &'static [&'static str],
    /// Members whose keys are the author's own, so that `when` in them means nothing.
    pub own_keys: &'static [&'static str],
}

/// A template once it is known whether it is different from row to row.
#[derive(Debug)]
pub(super) enum Compiled {
    /// The same for all rows: rendered.
    Constant(String),
    /// To be rendered for each row.
    Varying(Box<Template>),
}

/// A text to be rendered for each row.
#[derive(Debug)]
pub(super) struct Leaf {
    /// Where it stands in the manifest.
    pub(super) pointer: String,
    /// The headers of the columns that feed it.
    pub(super) columns: Vec<String>,
    pub(super) origin: Origin,
    /// True when its values are escaped for Markdown.
    pub(super) is_markdown: bool,
    /// True when it is the condition of a part.
    pub(super) is_condition: bool,
    /// The leaf that is the condition of the part it is in; it comes before.
    pub(super) condition: Option<usize>,
}

/// Where the text of a leaf comes from.
#[derive(Debug)]
pub(super) enum Origin {
    Template(Box<Template>),
    /// From the file whose path this template renders to.
    File(Box<Template>),
}

impl Origin {
    pub(super) fn uses(&self) -> &Uses {
        match self {
            Self::Template(template) | Self::File(template) => &template.uses,
        }
    }
}

/// Compiles the templates of a mailing.
pub(super) struct Compiler {
    pub(super) surroundings: Surroundings,
    pub(super) library: Library,
    pub(super) rules: MemberRules,
    /// The uses of the templates that differ from row to row.
    pub(super) uses: Uses,
    /// True when the paths of some files come from rows.
    pub(super) rows_choose_files: bool,
}

/// Everything a template is compiled with, except the library it goes into.
pub(super) struct Surroundings {
    pub(super) folder: Folder,
    pub(super) names: Names,
    /// The uses of everything compiled so far, constant texts and files of rows included.
    pub(super) uses: RwLock<Uses>,
    /// The language of what is the same for all rows.
    pub(super) language: Language,
    /// The columns that the language of letters comes from, when it differs from row to row.
    pub(super) language_columns: Option<Vec<String>>,
}

impl Compiler {
    /// Compiles a text of the manifest.
    pub(super) fn compile_inline(
        &mut self,
        pointer: &str,
        text: &str,
        is_markdown: bool,
    ) -> Result<Compiled, Vec<TemplateError>> {
        let source = Source::new("", text);
        self.surroundings
            .compile(&mut self.library, pointer, None, source, is_markdown)
    }

    /// Compiles a file in the manifest's folder.
    pub(super) fn compile_file(
        &mut self,
        pointer: &str,
        path: &str,
        is_markdown: bool,
    ) -> Result<Compiled, Vec<TemplateError>> {
        self.surroundings
            .compile_file(&mut self.library, pointer, path, is_markdown)
    }

    /// Makes a template or the path of one ready to be rendered for each row.
    pub(super) fn leaf(&mut self, pointer: &str, origin: Origin) -> Leaf {
        self.uses.extend(origin.uses());
        if matches!(origin, Origin::File(_)) {
            // The uses of those files are not known before the first row that chooses them.
            self.rows_choose_files = true;
            self.uses.extend_to_all(&self.surroundings.names);
        }
        let mut columns = origin.uses().columns(&self.surroundings.names);
        if let (true, Some(more)) = (origin.uses().language, &self.surroundings.language_columns) {
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

impl Surroundings {
    pub(super) fn compile_file(
        &self,
        library: &mut Library,
        pointer: &str,
        path: &str,
        is_markdown: bool,
    ) -> Result<Compiled, Vec<TemplateError>> {
        let source = self.folder.read(path).map_err(|error| vec![*error])?;
        self.compile(library, pointer, Some(path), source, is_markdown)
    }

    /// Compiles a template, and renders it when it is the same for all rows.
    fn compile(
        &self,
        library: &mut Library,
        pointer: &str,
        path: Option<&str>,
        source: Source,
        is_markdown: bool,
    ) -> Result<Compiled, Vec<TemplateError>> {
        let scan = scan(source.text());
        if !scan.has_tags {
            return Ok(Compiled::Constant(source.text().to_owned()));
        }
        let draft = Draft {
            pointer,
            path,
            source,
            scan,
            is_markdown,
        };
        let template = library.compile(draft, &self.names, &self.folder)?;
        let mut uses = self.uses.write().unwrap_or_else(PoisonError::into_inner);
        uses.extend(&template.uses);
        drop(uses);
        let language_varies = template.uses.language && self.language_columns.is_some();
        if language_varies || template.uses.vary(&self.names) {
            return Ok(Compiled::Varying(Box::new(template)));
        }
        let mut text = Vec::new();
        library
            .render(&template, &tera::Context::new(), self.language, &mut text)
            .map_err(|error| vec![*error])?;
        let text = String::from_utf8(text).map_err(|_| vec![not_text()])?;
        Ok(Compiled::Constant(text))
    }
}

pub(super) fn not_text() -> TemplateError {
    TemplateError::new("the template does not render to text")
}
