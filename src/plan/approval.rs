//! The plan's digest: who approves it approves exactly what will be sent.
//!
//! It is made of the bytes that a person gives: manifest, rows, exclusions, every template and every attachment that the rows use. It is not made of the letters:
//! what is counted from `now()` moves with the day of the first send, and yesterday's approval is to be good today. Nothing of the machine goes in, neither
//! paths nor times nor who sends.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::{Digest, Digester, Mailing, digest_file};
use crate::diagnostic::{Place, Problem, Problems};

/// Stands in front of everything else. Another one is due when the same files give other letters than before: approvals then have to be given anew.
const GENERATION: &[u8] = b"massebrev plan 1";

/// A part: what it is for, its name where there can be several, and its content.
pub(super) type Part = (&'static str, String, Digest);

impl Mailing {
    /// Everything that decides what is sent, and nothing else. Complete when every row has been rendered: only then all files are known.
    pub(super) fn parts(&self) -> Result<BTreeSet<Part>, Problems> {
        let recipients = &self.loaded.manifest.recipients;
        let manifest = Digest::sha256(self.loaded.source.text().as_bytes());
        // The manifest says how these are called.
        let unnamed = |role, content| (role, String::new(), content);
        let mut parts = BTreeSet::from([
            unnamed("manifest", manifest),
            unnamed("rows", self.content(&recipients.file)?),
        ]);
        if let Some(exclusions) = &recipients.exclude {
            parts.insert(unnamed("exclude", self.content(exclusions)?));
        }
        for file in self.templates.files_read() {
            let content = self.content(Path::new(&file))?;
            parts.insert(("template", plain(&file), content));
        }
        parts.insert(unnamed("attachments", self.files.met()));
        Ok(parts)
    }

    fn content(&self, file: &Path) -> Result<Digest, Problems> {
        let path = self.loaded.folder.join(file);
        match digest_file(&path) {
            Ok((digest, _)) => Ok(digest),
            Err(error) => Err(Problem::error(Place::File(path), "the file cannot be read")
                .with_cause(error.to_string())
                .into()),
        }
    }
}

/// The digest of all of it.
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

/// A path of the manifest's folder in one spelling: `./terms/a.pdf` and, on Windows, `terms\a.pdf` are `terms/a.pdf`.
fn plain(name: &str) -> String {
    let parts: Vec<_> = Path::new(name)
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(role: &'static str, name: &str, content: &str) -> Part {
        (role, plain(name), Digest::sha256(content.as_bytes()))
    }

    #[test]
    fn a_file_has_one_name() {
        for name in [
            "terms/a.pdf",
            "./terms/a.pdf",
            "terms/./a.pdf",
            "terms//a.pdf",
        ] {
            assert_eq!(plain(name), "terms/a.pdf");
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
            "sha256:e96822cd2f7b4bd35ad048caa9f213384e5026074d44385c398b24ac1aa1c5a0"
        );
    }
}
