//! What a mailing is made of, part by part: who approves all of it approves exactly what will be sent, and a change has a name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Digest, Digester, Mailing, digest_file};
use crate::diagnostic::{Place, Problem, Problems};
use crate::secret::redact;

/// So many files that follow letters are told one by one; more are one part.
const NAMED_FILES: usize = 1000;

/// What the manifest is called in the plan's digest, whatever its name.
const MANIFEST: &str = "manifest";

/// A part of what a mailing is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// What it is to the mailing.
    pub kind: InputKind,
    /// A file's path relative to the manifest's folder, or a member of the manifest as `correspondence.content.messageTitle`. Identity numbers are masked in it.
    pub name: String,
    /// The digest of its content.
    pub digest: Digest,
}

/// What a part is to the mailing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InputKind {
    /// The manifest.
    Manifest,
    /// A member of the manifest that letters are made of: a part of it that can be named.
    Member,
    /// The recipients file.
    Rows,
    /// The list of those who get no letter.
    Exclude,
    /// A template.
    Template,
    /// A file that follows letters.
    Attachment,
}

impl InputKind {
    const ALL: [Self; 6] = [
        Self::Manifest,
        Self::Member,
        Self::Rows,
        Self::Exclude,
        Self::Template,
        Self::Attachment,
    ];

    /// Its name, as people and journals see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Member => "member",
            Self::Rows => "rows",
            Self::Exclude => "exclude",
            Self::Template => "template",
            Self::Attachment => "attachment",
        }
    }

    /// The kind with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Mailing {
    /// Everything that decides what is sent, and nothing else; the digest of all of it, and its parts: contents by their names in the mailing's folder.
    pub(super) fn inputs(&self) -> Result<(Digest, Vec<Input>), Problems> {
        let manifest = Digest::of(self.loaded.source.text().as_bytes());
        let recipients = &self.loaded.manifest.recipients;
        let rows = std::iter::once(&recipients.file).map(|file| (InputKind::Rows, file));
        let exclude = recipients.exclude.iter();
        let files = rows
            .chain(exclude.map(|file| (InputKind::Exclude, file)))
            .map(|(kind, file)| (kind, file.to_string_lossy().into_owned()));
        let templates = self.templates.files().into_iter();
        let mut parts = vec![(InputKind::Manifest, MANIFEST.to_owned(), manifest)];
        for (kind, name) in files.chain(templates.map(|file| (InputKind::Template, file))) {
            let path = self.loaded.folder.join(&name);
            let (digest, _) = digest_file(&path).map_err(|error| {
                Problem::error(Place::File(path), "the file cannot be read")
                    .with_cause(error.to_string())
            })?;
            parts.push((kind, name, digest));
        }
        let met = self.files.met();
        parts.extend(met.map(|(name, file)| (InputKind::Attachment, name.to_owned(), file.digest)));
        parts.sort_by(|one, other| (&one.1, one.2).cmp(&(&other.1, other.2)));
        let mut all = Digester::default();
        for (_, name, digest) in &parts {
            all.part(name.as_bytes()).part(&digest.0);
        }
        let mut inputs = named(parts);
        inputs.extend(members(&self.loaded.value));
        inputs.sort();
        Ok((all.finish(), inputs))
    }
}

/// The parts by names that can be shown. Those whose names look alike then are one part, and so are files without number.
fn named(parts: Vec<(InputKind, String, Digest)>) -> Vec<Input> {
    let attachments = parts
        .iter()
        .filter(|(kind, ..)| *kind == InputKind::Attachment);
    let many = attachments.count() > NAMED_FILES;
    let mut alike: BTreeMap<(InputKind, String), Vec<Digest>> = BTreeMap::new();
    for (kind, name, digest) in parts {
        let name = match kind {
            InputKind::Attachment if many => "files of single letters".to_owned(),
            _ => redact(&name).into_owned(),
        };
        alike.entry((kind, name)).or_default().push(digest);
    }
    let input = |((kind, name), digests): (_, Vec<Digest>)| Input {
        kind,
        name,
        digest: if let [digest] = digests[..] {
            digest
        } else {
            let mut all = Digester::default();
            for digest in &digests {
                all.part(&digest.0);
            }
            all.finish()
        },
    };
    alike.into_iter().map(input).collect()
}

/// The members of the manifest that letters are made of, each with a value of its own.
fn members(manifest: &Value) -> Vec<Input> {
    let mut found = Vec::new();
    for name in [
        "mailing",
        "recipients",
        "variables",
        "correspondence",
        "existingAttachments",
    ] {
        if let Some(value) = manifest.get(name) {
            gather(name, value, &mut found);
        }
    }
    found
}

fn gather(name: &str, value: &Value, found: &mut Vec<Input>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (member, value) in members {
                gather(&format!("{name}.{member}"), value, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                gather(&format!("{name}[{index}]"), value, found);
            }
        }
        value => found.push(Input {
            kind: InputKind::Member,
            name: redact(name).into_owned(),
            digest: Digest::of(value.to_string().as_bytes()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_named_as_people_write_them() {
        let manifest = json!({
            "version": 1,
            "send": {"rate": "1/s"},
            "variables": {},
            "correspondence": {"content": {"messageTitle": "a", "attachments": [{"file": "b"}]}}
        });
        let names: Vec<_> = members(&manifest).into_iter().map(|m| m.name).collect();
        let expected = [
            "variables",
            "correspondence.content.messageTitle",
            "correspondence.content.attachments[0].file",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn no_whole_identity_number_is_in_a_name_and_each_file_counts() {
        let part = |name: &str, content: &[u8]| {
            (InputKind::Attachment, name.to_owned(), Digest::of(content))
        };
        let all = |second: &[u8]| {
            named(vec![
                part("07827199405.pdf", b"a"),
                part("07827126818.pdf", second),
            ])
        };
        let parts = all(b"b");
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].name, "078271*****.pdf");
        assert_ne!(parts, all(b"c"));
    }

    #[test]
    fn files_without_number_are_one_part() {
        let parts =
            (0..=NAMED_FILES).map(|n| (InputKind::Attachment, format!("{n}.pdf"), Digest::of(b"")));
        assert_eq!(named(parts.collect()).len(), 1);
    }

    #[test]
    fn names_of_kinds_read_back() {
        for kind in InputKind::ALL {
            assert_eq!(InputKind::named(kind.name()), Some(kind));
        }
        assert_eq!(InputKind::named("colour"), None);
    }
}
