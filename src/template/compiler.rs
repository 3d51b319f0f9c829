//! The compilation of templates. Those that are the same for all rows are rendered at once.

use std::sync::{PoisonError, RwLock};

use super::error::TemplateError;
use super::folder::Folder;
use super::library::{Draft, Library, Template, TemplateText};
use super::names::Names;
use super::uses::Uses;
use crate::correspondence::Language;
use crate::diagnostic::Source;

/// The members of a manifest that are treated in a special way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemberRules {
    /// The JSON pointers of texts that are Markdown, in which values are escaped.
    pub markdown: &'static [&'static str],
    /// The members whose keys the author chooses, so that `when` in them is an ordinary key.
    pub own_keys: &'static [&'static str],
}

/// A compiled template or constant text.
#[derive(Debug)]
pub(super) enum Compiled {
    /// It is the same for all rows, and already rendered.
    Constant(String),
    /// It must be rendered for each row.
    Varying(Box<Template>),
}

/// A text that is rendered for each row.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The JSON pointer of the text in the manifest.
    pub(super) pointer: String,
    /// The headers of the columns that it depends on.
    pub(super) columns: Vec<String>,
    pub(super) template: Box<Template>,
    /// True when the template renders the path of a file, whose text is the leaf's.
    pub(super) is_path: bool,
    /// True when values in it are escaped for Markdown.
    pub(super) is_markdown: bool,
    /// True when it is the `when` of a part of the letter.
    pub(super) is_condition: bool,
    /// The index of the leaf that is the condition of the surrounding part. It always comes before this one, so that it is rendered first.
    pub(super) condition: Option<usize>,
}

/// Compiles the templates of a mailing. The library that receives them is the caller's, because a file that a row chooses gets one of its own.
pub(super) struct Compiler {
    pub(super) folder: Folder,
    pub(super) names: Names,
    pub(super) rules: MemberRules,
    /// The combined uses of everything compiled so far, constant texts and files chosen by rows included. Behind a lock, because such files are compiled while
    /// rows are rendered.
    pub(super) uses: RwLock<Uses>,
    /// The language of texts that are the same for all rows.
    pub(super) language: Language,
    /// The columns that the language of letters depends on, when it differs between rows.
    pub(super) language_columns: Option<Vec<String>>,
}

impl Compiler {
    /// Compiles a text that stands in the manifest.
    pub(super) fn compile_inline(
        &self,
        library: &mut Library,
        pointer: &str,
        text: &str,
        is_markdown: bool,
    ) -> Result<Compiled, Vec<TemplateError>> {
        let source = Source::new("", text);
        self.compile(library, pointer, None, source, is_markdown)
    }

    /// Compiles a file in the manifest's folder.
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

    pub(super) fn leaf(&self, pointer: &str, template: Box<Template>) -> Leaf {
        let mut columns = template.uses.columns(&self.names);
        if let (true, Some(more)) = (template.uses.language, &self.language_columns) {
            let more = more.iter().filter(|column| !columns.contains(column));
            columns.extend(more.cloned().collect::<Vec<_>>());
        }
        Leaf {
            pointer: pointer.to_owned(),
            columns,
            template,
            is_path: false,
            is_markdown: false,
            is_condition: false,
            condition: None,
        }
    }

    /// Compiles a template, and renders it at once when it is the same for all rows.
    fn compile(
        &self,
        library: &mut Library,
        pointer: &str,
        path: Option<&str>,
        source: Source,
        is_markdown: bool,
    ) -> Result<Compiled, Vec<TemplateError>> {
        let text = TemplateText::new(source, path.is_some());
        // Most members of a manifest are plain texts, which need no Tera.
        if !text.scan.has_tags {
            return Ok(Compiled::Constant(text.source.text().to_owned()));
        }
        let draft = Draft {
            pointer,
            path,
            text,
            is_markdown,
        };
        let template = library.compile(draft, &self.names, &self.folder)?;
        let mut uses = self.uses.write().unwrap_or_else(PoisonError::into_inner);
        uses.extend(&template.uses);
        // Released before rendering, which may take long.
        drop(uses);
        let language_varies = template.uses.language && self.language_columns.is_some();
        if language_varies || template.uses.vary(&self.names) {
            return Ok(Compiled::Varying(Box::new(template)));
        }
        let mut text = String::new();
        // The context is empty: variables and the mailing's name are in Tera's global context.
        library.render(&template, &tera::Context::new(), self.language, &mut text)?;
        Ok(Compiled::Constant(text))
    }
}
