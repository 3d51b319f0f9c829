//! The inputs of a mailing, part by part, and the plan digest over all of them, which is what a person approves.
//!
//! The parts are the bytes that a person gives: manifest, rows, exclusions, and every template and attachment that the rows use. The rendered letters are
//! not among them: dates counted from `now()` move with the day of the first send, and an approval of yesterday must be good today. Nothing of the machine
//! goes in, neither paths nor times nor the sender.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use std::sync::Arc;

use serde_json::Value;

use super::letter::AttachmentPlan;
use super::{Digest, Digester, Mailing, PlannedFile, digest_file};
use crate::diagnostic::{Place, Problem, Problems};
use crate::secret::redact;

/// The first part of every plan digest. It must change when the same files give other letters than before: approvals then have to be given anew.
const GENERATION: &[u8] = b"massebrev plan 3";

/// A part of the plan: its role, its name where a role has several parts, and the digest of its content.
pub(super) type Part = (&'static str, String, Digest);

/// Collects everything that decides the content of letters, and nothing else; `attachments` is the digest of all letters' files. To be called after every row
/// has been rendered: only then all template files are known.
pub(super) fn parts(mailing: &Mailing, attachments: Digest) -> Result<BTreeSet<Part>, Problems> {
    let recipients = &mailing.loaded.manifest.recipients;
    let manifest = Digest::sha256(mailing.loaded.source.text().as_bytes());
    // Their names stand in the manifest, whose digest covers them.
    let unnamed = |role, content| (role, String::new(), content);
    let mut parts = BTreeSet::from([
        unnamed("manifest", manifest),
        unnamed("rows", content(mailing, &recipients.file)?),
    ]);
    if let Some(exclusions) = &recipients.exclude {
        parts.insert(unnamed("exclude", content(mailing, exclusions)?));
    }
    for file in mailing.templates.files_read() {
        let content = content(mailing, Path::new(&file))?;
        parts.insert(("template", portable_path(&file), content));
    }
    parts.insert(unnamed("attachments", attachments));
    Ok(parts)
}

fn content(mailing: &Mailing, file: &Path) -> Result<Digest, Problems> {
    let path = mailing.loaded.folder.join(file);
    match digest_file(&path) {
        Ok((digest, _)) => Ok(digest),
        Err(error) => Err(Problem::error(Place::File(path), "the file cannot be read")
            .with_cause(error.to_string())
            .into()),
    }
}

/// The plan digest. The parts are a sorted set, so that the order in which threads read files does not matter.
pub(super) fn plan_digest(parts: &BTreeSet<Part>) -> Digest {
    let mut digester = Digester::default();
    digester.part(GENERATION);
    for (role, name, content) in parts {
        digester
            .part(role.as_bytes())
            .part(name.as_bytes())
            .part(&content.0);
    }
    digester.finish()
}

/// A path relative to the manifest's folder in one spelling on every system: `./terms/a.pdf` and, on Windows, `terms\a.pdf` are `terms/a.pdf`.
fn portable_path(name: &str) -> String {
    let parts: Vec<_> = Path::new(name)
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

/// A named part of a mailing, for plans and for messages about changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Input {
    pub kind: InputKind,
    /// A file's path relative to the manifest's folder, or a member of the manifest as `correspondence.content.messageTitle`. Identity numbers are masked in it.
    pub name: String,
    pub digest: Digest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum InputKind {
    Manifest,
    /// A member of the manifest that decides the letters. It is a part of [`Self::Manifest`], listed so that a change can be named.
    Member,
    Rows,
    Exclude,
    Template,
    /// An attachment, or all attachments that belong to single letters.
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

    /// The name in messages and in journals, which therefore never changes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Member => "member",
            Self::Rows => "rows",
            Self::Exclude => "exclude",
            Self::Template => "template",
            Self::Attachment => "attachment",
        }
    }

    /// The kind with this name; `None` for a name that this version does not know.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The parts of the plan under names that may be shown, with the manifest's members and the files that letters share.
pub(super) fn inputs(
    mailing: &Mailing,
    parts: &BTreeSet<Part>,
    shared: &[Arc<PlannedFile>],
) -> Vec<Input> {
    let recipients = &mailing.loaded.manifest.recipients;
    let file = |file: &Path| file.to_string_lossy().into_owned();
    let mut found: Vec<_> = parts
        .iter()
        .filter_map(|(role, name, digest)| {
            let kind = InputKind::named(role)?;
            let name = match kind {
                InputKind::Rows => file(&recipients.file),
                InputKind::Exclude => file(recipients.exclude.as_deref()?),
                _ => name.clone(),
            };
            Some((kind, name, *digest))
        })
        .collect();
    let folder = &mailing.loaded.folder;
    found.extend(shared.iter().map(|planned| {
        let path = planned.file.path.strip_prefix(folder);
        let name = file(path.unwrap_or(&planned.file.path));
        (InputKind::Attachment, name, planned.file.digest)
    }));
    let mut plans = mailing.letter.attachments.iter();
    if !plans.all(AttachmentPlan::is_shared) {
        // There may be millions of them: they are listed as one part.
        let own = parts.iter().find(|(role, ..)| *role == "attachments");
        found.extend(own.map(|(.., digest)| {
            let name = "files of single letters".to_owned();
            (InputKind::Attachment, name, *digest)
        }));
    }
    // Names go to journals and messages, so they are masked; files named by identity numbers may then share a name.
    let mut inputs = join_by_name(found);
    inputs.extend(members(&mailing.loaded.value));
    inputs.sort();
    inputs
}

/// Joins parts whose names are the same after masking.
fn join_by_name(parts: Vec<(InputKind, String, Digest)>) -> Vec<Input> {
    let mut alike: BTreeMap<(InputKind, String), Vec<Digest>> = BTreeMap::new();
    for (kind, name, digest) in parts {
        let name = redact(&name).into_owned();
        alike.entry((kind, name)).or_default().push(digest);
    }
    let input = |((kind, name), digests): (_, Vec<Digest>)| {
        let digest = if let [digest] = digests[..] {
            digest
        } else {
            let mut all = Digester::default();
            for digest in digests {
                all.part(&digest.0);
            }
            all.finish()
        };
        Input { kind, name, digest }
    };
    alike.into_iter().map(input).collect()
}

/// The leaves of the manifest's members that decide the letters. `send` and `auth` change how letters are sent and not what they say.
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
            collect_leaves(name, value, &mut found);
        }
    }
    found
}

fn collect_leaves(name: &str, value: &Value, found: &mut Vec<Input>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (member, value) in members {
                collect_leaves(&format!("{name}.{member}"), value, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                collect_leaves(&format!("{name}[{index}]"), value, found);
            }
        }
        value => found.push(Input {
            kind: InputKind::Member,
            name: redact(name).into_owned(),
            digest: Digest::sha256(value.to_string().as_bytes()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn part(role: &'static str, name: &str, content: &str) -> Part {
        (
            role,
            portable_path(name),
            Digest::sha256(content.as_bytes()),
        )
    }

    #[test]
    fn a_file_has_one_name() {
        for name in [
            "terms/a.pdf",
            "./terms/a.pdf",
            "terms/./a.pdf",
            "terms//a.pdf",
        ] {
            assert_eq!(portable_path(name), "terms/a.pdf");
        }
    }

    #[test]
    fn the_order_of_files_does_not_count_and_everything_else_does() {
        let of = |parts: &[Part]| plan_digest(&parts.iter().cloned().collect());
        let [a, b] = [part("template", "a", "1"), part("template", "b", "2")];
        let plan = of(&[a.clone(), b.clone()]);
        assert_eq!(plan, of(&[b.clone(), a.clone(), a.clone()]));
        let others = [
            of(std::slice::from_ref(&a)),
            of(&[part("template", "a", "2"), part("template", "b", "1")]),
            of(&[a.clone(), part("template", "c", "2")]),
            of(&[a, part("attachment", "b", "2")]),
            of(&[]),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(*other, plan, "{at}");
        }
    }

    #[test]
    fn approvals_stay_good() {
        let parts = BTreeSet::from([
            part("manifest", "", "mailing: a"),
            part("rows", "", "a\n1\n"),
        ]);
        assert_eq!(
            plan_digest(&parts).to_string(),
            "sha256:33edfd078f2a8eac7da390553affc5f19d5062490dc3be72ed32a2b354317b9c"
        );
    }

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
            (
                InputKind::Attachment,
                name.to_owned(),
                Digest::sha256(content),
            )
        };
        let all = |second: &[u8]| {
            join_by_name(vec![
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
    fn names_of_kinds_read_back() {
        for kind in InputKind::ALL {
            assert_eq!(InputKind::named(kind.name()), Some(kind));
        }
        assert_eq!(InputKind::named("colour"), None);
    }
}
