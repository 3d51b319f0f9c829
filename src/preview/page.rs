//! The HTML page of a preview, written letter by letter. It has no script and loads nothing.

use std::io::{self, Write};

use tera::{Context, Tera, context};

use super::letter::LetterView;
use super::{MailingSummary, PageHeader, PageLetters, RowWarnings};
use crate::plan::Delivery;

/// The mark in the first kilobyte of every preview page. Only a file with this mark is overwritten.
pub(crate) const MARK: &str = "<meta name=\"generator\" content=\"massebrev preview\">";

/// The number of letters in a section. The page shows one section at a time with the CSS selector `:target`, which needs no script.
const PER_PAGE: u64 = 20;

/// The page templates. Their names end in `.html`, which turns on Tera's escaping.
const TEMPLATES: [(&str, &str); 3] = [
    ("top.html", include_str!("page/top.html")),
    ("pages.html", include_str!("page/pages.html")),
    ("letter.html", include_str!("page/letter.html")),
];

#[derive(Debug, thiserror::Error)]
pub(crate) enum PreviewError {
    #[error("cannot write the preview")]
    Write(#[from] io::Error),
    #[error("cannot make the preview's page")]
    Page(#[source] Box<tera::Error>),
}

impl From<tera::Error> for PreviewError {
    fn from(error: tera::Error) -> Self {
        Self::Page(Box::new(error))
    }
}

/// A page that is being written. Letters are written one by one, so memory does not grow with them.
pub(crate) struct Page<'a> {
    tera: Tera,
    choice: &'a PageLetters,
    warnings: &'a RowWarnings,
    out: &'a mut dyn Write,
    /// The number of letters that the page will have.
    letters: u64,
    written: u64,
}

impl<'a> Page<'a> {
    pub(crate) fn open(
        cover: &PageHeader<'_>,
        summary: &MailingSummary,
        warnings: &'a RowWarnings,
        choice: &'a PageLetters,
        out: &'a mut dyn Write,
    ) -> Result<Self, PreviewError> {
        let mut tera = Tera::new();
        for (name, template) in TEMPLATES {
            tera.add_raw_template(name, template)?;
        }
        let letters = choice.count(summary.letters);
        let mut page = Self {
            tera,
            choice,
            warnings,
            out,
            letters,
            written: 0,
        };
        let cover = &cover.view(summary, warnings, choice, page.pages());
        let style = include_str!("page/style.css");
        page.write(
            "top.html",
            &context! { mark => MARK, style, cover => cover },
        )?;
        Ok(page)
    }

    pub(crate) fn letter(&mut self, delivery: &Delivery) -> Result<(), PreviewError> {
        // All letters of the mailing come by, also those that the page does not show.
        let Some(reasons) = self.choice.reasons(delivery.row) else {
            return Ok(());
        };
        // A section is ended when the next one begins, because this letter may be the last.
        if self.written.is_multiple_of(PER_PAGE) {
            self.end_section()?;
            let (page, pages) = (self.written / PER_PAGE + 1, self.pages());
            writeln!(
                self.out,
                "<section class=\"page\" id=\"page-{page}\" aria-label=\"Page {page} of {pages}\">"
            )?;
            self.write_pages(page)?;
        }
        self.written += 1;
        let warnings = self.warnings.of_row(delivery.row);
        let letter = LetterView::new(delivery);
        self.write("letter.html", &context! { letter, reasons, warnings })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.written >= self.letters
    }

    pub(crate) fn close(mut self) -> Result<(), PreviewError> {
        self.end_section()?;
        self.out
            .write_all(include_str!("page/bottom.html").as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    fn pages(&self) -> u64 {
        // From the expected number of letters: the header is written before the first of them.
        self.letters.div_ceil(PER_PAGE)
    }

    fn end_section(&mut self) -> Result<(), PreviewError> {
        if self.written > 0 {
            self.write_pages(self.written.div_ceil(PER_PAGE))?;
            writeln!(self.out, "</section>")?;
        }
        Ok(())
    }

    /// Writes the links to the other sections, when there are any.
    fn write_pages(&mut self, page: u64) -> Result<(), PreviewError> {
        let pages = self.pages();
        if pages > 1 {
            self.write("pages.html", &context! { page, pages })?;
        }
        Ok(())
    }

    fn write(&mut self, name: &str, context: &Context) -> Result<(), PreviewError> {
        let written = self.tera.render(name, context)?;
        self.out.write_all(written.as_bytes())?;
        Ok(())
    }
}
