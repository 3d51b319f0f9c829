//! A letter and its files as one form (`multipart/form-data`), streamed.

use futures::future::Either;
use futures::stream::{Stream, StreamExt as _, iter, once};
use uuid::Uuid;

use super::CheckedFile;
use super::checked_file::FileError;

/// A file that goes with its letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// The name it has in the letter's attachments.
    pub file_name: String,
    /// The file.
    pub content: CheckedFile,
}

/// A form that is ready to be sent, once.
pub(super) struct Form {
    boundary: String,
    parts: Vec<Part>,
}

enum Part {
    Text(Vec<u8>),
    File(CheckedFile),
}

/// The name ASP.NET binds all files to, in the order they come.
const FILES: &str = "attachments";

impl Form {
    /// The fields first, then the files in their order: by it Altinn finds out which file belongs to which attachment.
    pub(super) fn new(fields: &[(String, String)], files: &[Enclosure]) -> Self {
        // Nobody can have written it into a letter before.
        let boundary = format!("massebrev-{}", Uuid::new_v4().simple());
        let mut text = Vec::new();
        for (name, value) in fields {
            let name = quoted(name);
            let head =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            text.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
        }
        let mut parts = Vec::with_capacity(2 * files.len() + 1);
        for file in files {
            let name = quoted(&file.file_name);
            text.extend(
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{FILES}\"; filename=\"{name}\"\r\n\
                     Content-Type: application/octet-stream\r\n\r\n"
                )
                .into_bytes(),
            );
            parts.push(Part::Text(std::mem::take(&mut text)));
            parts.push(Part::File(file.content.clone()));
            text.extend(b"\r\n");
        }
        text.extend(format!("--{boundary}--\r\n").into_bytes());
        parts.push(Part::Text(text));
        Self { boundary, parts }
    }

    /// What the request says its body is.
    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The length of the whole in bytes.
    pub(super) fn length(&self) -> u64 {
        let lengths = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.len() as u64,
            Part::File(content) => content.size,
        });
        lengths.sum()
    }

    /// The bytes, in pieces.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Vec<u8>, FileError>> + Send + 'static {
        iter(self.parts).flat_map(|part| match part {
            Part::Text(text) => Either::Left(once(std::future::ready(Ok(text)))),
            Part::File(content) => Either::Right(Box::pin(content.stream())),
        })
    }
}

/// A name between quotation marks, as browsers write it: in UTF-8, with what would end it written otherwise.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::super::checked_file::tests::on_disk;
    use super::*;

    #[tokio::test]
    async fn a_form_is_its_fields_and_then_its_files_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let files = ["vedtak æ.pdf", "b\".pdf"].map(|file_name| Enclosure {
            file_name: file_name.to_owned(),
            content: on_disk(folder.path(), "file", b"%PDF\r\n--x\r\n"),
        });
        let form = Form::new(
            &[
                field("correspondence.resourceId", "r"),
                field("a", "1\n--massebrev"),
            ],
            &files,
        );
        let (boundary, length) = (form.boundary.clone(), form.length());
        assert_eq!(
            form.content_type(),
            format!("multipart/form-data; boundary={boundary}")
        );
        let pieces: Vec<_> = form.stream().map(Result::unwrap).collect().await;
        let body = pieces.concat();
        assert_eq!(body.len() as u64, length);
        let expected = "--B\r\nContent-Disposition: form-data; name=\"correspondence.resourceId\"\r\n\r\nr\r\n\
            --B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\n--massebrev\r\n\
            --B\r\nContent-Disposition: form-data; name=\"attachments\"; filename=\"vedtak æ.pdf\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n%PDF\r\n--x\r\n\r\n\
            --B\r\nContent-Disposition: form-data; name=\"attachments\"; filename=\"b%22.pdf\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n%PDF\r\n--x\r\n\r\n\
            --B--\r\n";
        let body = String::from_utf8(body).unwrap();
        assert_eq!(body.replace(&boundary, "B"), expected);
    }
}
