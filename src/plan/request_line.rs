//! A letter as one line of JSON, as `massebrev render` writes it and reads it again to compare.

use std::borrow::Cow;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::{CheckReport, Delivery};

/// A letter as one line. Of a line that is read, long members are borrowed and not parsed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RequestLine<'a> {
    /// From 1.
    pub row: u64,
    pub line: u64,
    #[serde(skip_deserializing)]
    method: &'static str,
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    pub key: Uuid,
    /// The value of `now()`; `None` when no template uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Timestamp>,
    /// The body of the request, byte for byte.
    #[serde(borrow)]
    pub body: &'a RawValue,
    /// The list of files, byte for byte.
    #[serde(borrow)]
    pub files: &'a RawValue,
    #[serde(skip_deserializing)]
    digest: String,
}

/// Writes a letter as one line. `body` is sent as it stands here, except for the ids of files with `uploadedFirst`, which are not known before the upload.
pub(crate) fn write(
    delivery: &Delivery,
    checked: &CheckReport,
    to: &mut dyn Write,
) -> io::Result<()> {
    // The bytes that `send` puts on the wire, and not the request serialised once more: what is shown is what is sent.
    let body = String::from_utf8(delivery.body(&[])?.into()).map_err(io::Error::other)?;
    let files = delivery.files.iter().map(|planned| {
        json!({
            "fileName": planned.attachment.file_name,
            "sendersReference": planned.attachment.senders_reference,
            "bytes": planned.file.size,
            "digest": planned.file.digest.to_string(),
            "shared": checked.is_shared(planned),
            "uploadedFirst": !planned.enclosed,
        })
    });
    let written = RequestLine {
        row: delivery.row,
        line: delivery.line,
        method: "POST",
        path: delivery.path().into(),
        key: delivery.key,
        now: checked.now,
        body: &RawValue::from_string(body)?,
        files: &to_raw_value(&files.collect::<Vec<_>>())?,
        digest: delivery.digest.to_string(),
    };
    serde_json::to_writer(&mut *to, &written)?;
    to.write_all(b"\n")
}
