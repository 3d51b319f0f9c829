//! The multipart form (`multipart/form-data`) of a letter with its files, streamed from disk.

use reqwest::Body;
use reqwest::multipart::{Form, Part};

use super::CheckedFile;
use crate::http::Content;

/// A file that is sent with its letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// The name in the attachment metadata of the letter.
    pub file_name: String,
    pub content: CheckedFile,
}

/// The field name that all file parts share.
const FILES: &str = "attachments";

/// Builds the form: fields first, then the files in the order of their metadata, by which Altinn matches them even when names are equal.
pub(super) fn form(
    fields: &[(String, String)],
    files: &[Enclosure],
    contents: Vec<Content>,
) -> Result<Form, reqwest::Error> {
    // Names in UTF-8, as browsers write them: ASP.NET does not decode percent-encoded ones.
    let mut form = Form::new().percent_encode_noop();
    for (name, value) in fields {
        form = form.text(name.clone(), value.clone());
    }
    for (file, content) in files.iter().zip(contents) {
        let part = match content {
            Content::Whole(bytes) => Part::bytes(bytes),
            Content::Stream(content) => {
                let body = Body::wrap_stream(content.stream());
                Part::stream_with_length(body, file.content.size)
            }
        };
        let part = part
            .file_name(file.file_name.clone())
            .mime_str("application/octet-stream")?;
        form = form.part(FILES, part);
    }
    Ok(form)
}

/// The size of all fields and files in bytes, without the headers and boundaries of the parts.
pub(super) fn length(fields: &[(String, String)], files: &[Enclosure]) -> u64 {
    let fields: u64 = fields.iter().map(|(_, value)| value.len() as u64).sum();
    let files: u64 = files.iter().map(|file| file.content.size).sum();
    fields + files
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;
    use crate::http::on_disk;

    #[tokio::test]
    async fn a_form_is_its_fields_and_then_its_files_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let files = ["vedtak æ.pdf", "b 100%.pdf"].map(|file_name| Enclosure {
            file_name: file_name.to_owned(),
            content: on_disk(folder.path(), "file", b"%PDF\r\n--x\r\n"),
        });
        let fields = [
            field("correspondence.resourceId", "r"),
            field("a", "1\n--massebrev"),
        ];
        let contents = files.iter().map(|file| file.content.open());
        let contents = futures::future::try_join_all(contents).await.unwrap();
        let form = form(&fields, &files, contents).unwrap();
        let boundary = form.boundary().to_owned();
        let pieces: Vec<_> = form.into_stream().map(Result::unwrap).collect().await;
        let expected = "--B\r\nContent-Disposition: form-data; name=\"correspondence.resourceId\"\r\n\r\nr\r\n\
            --B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\n--massebrev\r\n\
            --B\r\nContent-Disposition: form-data; name=\"attachments\"; filename=\"vedtak æ.pdf\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n%PDF\r\n--x\r\n\r\n\
            --B\r\nContent-Disposition: form-data; name=\"attachments\"; filename=\"b 100%.pdf\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n%PDF\r\n--x\r\n\r\n\
            --B--\r\n";
        let body = String::from_utf8(pieces.concat()).unwrap();
        assert_eq!(body.replace(&boundary, "B"), expected);
    }
}
