//! The HTML page of a preview, written letter by letter. It has no script and loads nothing.

use std::io::Write;

use serde::Serialize;
use tera::{Context, Tera};

use super::header::HeaderView;
use super::letter::LetterView;
use super::sample::Reason;
use super::{MailingSummary, PageHeader, PageLetters, PreviewError, RowWarnings};
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

#[derive(Serialize)]
struct Top<'a> {
    mark: &'static str,
    style: &'static str,
    cover: HeaderView<'a>,
}

#[derive(Serialize)]
struct Pages {
    page: u64,
    pages: u64,
}

#[derive(Serialize)]
struct LetterPage<'a> {
    letter: LetterView,
    reasons: &'a [Reason],
    warnings: &'a [String],
}

impl<'a> Page<'a> {
    /// Begins a page and writes its header.
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
        page.write(
            "top.html",
            &Top {
                mark: MARK,
                style: include_str!("page/style.css"),
                cover: HeaderView::new(cover, summary, warnings, choice, page.pages()),
            },
        )?;
        Ok(page)
    }

    /// Writes a letter if it is chosen for the page.
    pub(crate) fn letter(&mut self, delivery: &Delivery) -> Result<(), PreviewError> {
        // All letters of the mailing come by, also those that the page does not show.
        let Some(reasons) = self.choice.reasons(delivery.row) else {
            return Ok(());
        };
        // A section is ended when the next one begins, because this letter may be the last.
        if self.written.is_multiple_of(PER_PAGE) {
            self.end_section()?;
            self.begin_section()?;
        }
        self.written += 1;
        let page = LetterPage {
            letter: LetterView::new(delivery),
            reasons,
            warnings: self.warnings.of_row(delivery.row),
        };
        self.write("letter.html", &page)
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
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

    fn begin_section(&mut self) -> Result<(), PreviewError> {
        let page = self.written / PER_PAGE + 1;
        let pages = self.pages();
        writeln!(
            self.out,
            "<section class=\"page\" id=\"page-{page}\" aria-label=\"Page {page} of {pages}\">"
        )?;
        self.write_pages(page)
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
            self.write("pages.html", &Pages { page, pages })?;
        }
        Ok(())
    }

    fn write(&mut self, name: &str, page: &impl Serialize) -> Result<(), PreviewError> {
        let context = Context::from_serialize(page)?;
        let written = self.tera.render(name, &context)?;
        self.out.write_all(written.as_bytes())?;
        Ok(())
    }
}
