//! The plan's digest: who approves it approves exactly what will be sent.

use super::{Digest, Digester, Mailing, digest_file};
use crate::diagnostic::{Place, Problem, Problems};

impl Mailing {
    /// Everything that decides what is sent, and nothing else: contents by their names in the mailing's folder. Complete when every row has been rendered.
    pub(super) fn plan_digest(&self) -> Result<Digest, Problems> {
        let mut parts: Vec<(String, Digest)> = vec![(
            "manifest".to_owned(),
            Digest::of(self.loaded.source.text().as_bytes()),
        )];
        let recipients = &self.loaded.manifest.recipients;
        let rows = std::iter::once(&recipients.file).chain(&recipients.exclude);
        let files = rows
            .map(|file| file.to_string_lossy().into_owned())
            .chain(self.templates.files());
        for file in files {
            let path = self.loaded.folder.join(&file);
            let (digest, _) = digest_file(&path).map_err(|error| {
                Problem::error(Place::File(path), "the file cannot be read")
                    .with_cause(error.to_string())
            })?;
            parts.push((file, digest));
        }
        parts.push(("attachments".to_owned(), self.files.met()));
        parts.sort();
        let mut digester = Digester::default();
        for (name, digest) in &parts {
            digester.part(name.as_bytes()).part(&digest.0);
        }
        Ok(digester.finish())
    }
}
