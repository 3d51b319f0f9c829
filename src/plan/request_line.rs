//! A letter as one line of JSON, as `massebrev render` writes it and reads it again to compare.

use std::borrow::Cow;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{CheckReport, Delivery};

/// A letter as read from a line; long members are borrowed and not parsed.
#[derive(Debug, Deserialize)]
pub(crate) struct RequestLine<'a> {
    /// The row's number, from 1.
    pub row: u64,
    /// The line the row began on.
    pub line: u64,
    /// The path of the request.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    pub key: Uuid,
    /// The value of `now()`; `None` when no template uses it.
    #[serde(default)]
    pub now: Option<Timestamp>,
    /// The body of the request, byte for byte.
    #[serde(borrow)]
    pub body: &'a RawValue,
    /// The list of files, byte for byte.
    #[serde(borrow)]
    pub files: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    row: u64,
    line: u64,
    method: &'a str,
    path: &'a str,
    key: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Timestamp>,
    body: &'a RawValue,
    files: Vec<File<'a>>,
    digest: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(rename = "fileName")]
    name: &'a str,
    senders_reference: &'a str,
    bytes: u64,
    digest: String,
    shared: bool,
    uploaded_first: bool,
}

/// Writes a letter as one line. `body` is sent as it stands here, except for the ids of files with `uploadedFirst`, which are not known before the upload.
pub(crate) fn write(
    delivery: &Delivery,
    checked: &CheckReport,
    to: &mut dyn Write,
) -> io::Result<()> {
    // The bytes that `send` puts on the wire, and not the request serialised once more: what is shown is what is sent.
    let body = String::from_utf8(delivery.body(&[])?.into()).map_err(io::Error::other)?;
    let files = delivery.files.iter().map(|planned| File {
        name: &planned.attachment.file_name,
        senders_reference: &planned.attachment.senders_reference,
        bytes: planned.file.size,
        digest: planned.file.digest.to_string(),
        shared: checked.is_shared(planned),
        uploaded_first: !planned.enclosed,
    });
    let written = Written {
        row: delivery.row,
        line: delivery.line,
        method: "POST",
        path: &delivery.path(),
        key: delivery.key,
        now: checked.now,
        body: &RawValue::from_string(body)?,
        files: files.collect(),
        digest: delivery.digest.to_string(),
    };
    serde_json::to_writer(&mut *to, &written)?;
    to.write_all(b"\n")
}
