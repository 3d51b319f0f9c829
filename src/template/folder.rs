//! Reading template files, which must be inside the manifest's folder.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{TemplateError, template_error};
use crate::correspondence::text::excerpt;
use crate::diagnostic::{Source, did_you_mean};
use crate::plain_file::{self, Refused, find_inside};
use crate::secret::redact;

/// The largest template file, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// The manifest's folder.
#[derive(Debug)]
pub(super) struct Folder {
    /// The path as the user wrote it, for messages.
    shown: PathBuf,
    /// The path without links, for the check that a file is inside.
    real: PathBuf,
    /// The paths of the files that have been read, each with the JSON pointer of the value that names it; without one when a template includes it.
    files_read: Mutex<BTreeSet<(String, String)>>,
}

impl Folder {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let here = Path::new(".");
        Ok(Self {
            // Joined, because the parent of a bare file name is the empty path.
            real: here.join(folder).canonicalize()?,
            // A file beside the manifest is named without a folder.
            shown: if folder == here {
                PathBuf::new()
            } else {
                folder.to_owned()
            },
            files_read: Mutex::default(),
        })
    }

    /// The files that have been read, or those of them that the value at a JSON pointer names.
    pub(super) fn files_read(&self, pointer: Option<&str>) -> Vec<String> {
        let files = self
            .files_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let named = files
            .iter()
            .filter(|(_, by)| pointer.is_none_or(|pointer| pointer == by));
        let mut paths: Vec<_> = named.map(|(path, _)| path.clone()).collect();
        paths.dedup();
        paths
    }

    /// Reads a file inside the folder, which the value at `pointer` names. A byte order mark is dropped, everything else is kept.
    pub(super) fn read(&self, pointer: &str, path: &str) -> Result<Source, Box<TemplateError>> {
        let refused = |message: &str| template_error(message).with_cause(excerpt(path));
        // Names of files may be identity numbers.
        let shown = self.shown.join(path);
        let shown = PathBuf::from(redact(&shown.to_string_lossy()).into_owned());
        let about = |mut error: TemplateError| {
            error.place.file = Some(shown.clone());
            error.cause = None;
            error
        };
        let unreadable = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                refused("there is no such file").with_hint(self.hint_for(path))
            }
            kind => about(refused("the file cannot be read")).with_cause(kind.to_string()),
        };
        // A path that comes from a row must not read files elsewhere, links included.
        let real = find_inside(&self.real, path).map_err(|why| match why {
            Refused::NotInside if path.trim().is_empty() => {
                refused("the path of the file is empty")
            }
            Refused::NotInside => refused("only files in the manifest's folder can be used")
                .with_hint("copy the file into the folder, and name it relative to the manifest"),
            Refused::LinkOut => about(refused("the file is a link out of the manifest's folder"))
                .with_hint("copy the file itself into the folder"),
            Refused::NotAFile => about(refused("it is not a file")),
            Refused::Unreadable(error) => unreadable(&error),
        })?;
        let bytes = plain_file::read(&real, FILE_LIMIT).map_err(|error| unreadable(&error))?;
        if bytes.len() as u64 > FILE_LIMIT {
            return Err(about(refused(
                "the file is larger than 1 MB, which no template is",
            ))
            .into());
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            about(refused("the file is not UTF-8 text")).with_hint("save it as UTF-8")
        })?;
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        self.files_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((path.to_owned(), pointer.to_owned()));
        Ok(Source::new(shown, text))
    }

    /// The hint for a missing file: a wrong language in its name, the file that was probably meant, or the folder that paths are relative to.
    fn hint_for(&self, path: &str) -> String {
        let beside = plain_file::beside(&self.real, path).into_iter();
        let beside: Vec<_> = beside.map(|name| redact(&name).into_owned()).collect();
        let others = languages_of(path, &beside);
        if !others.is_empty() {
            return format!(
                "a language is `nb`, `nn` or `en`; there is {}",
                others.join(", ")
            );
        }
        did_you_mean(path, beside.iter().map(String::as_str))
            .unwrap_or_else(|| "the path is relative to the manifest's folder".to_owned())
    }
}

/// The files that a path with a wrong language may stand for: `letter.nb.md` for `letter.no.md` or `letter.nb-NO.md`.
fn languages_of<'a>(path: &str, beside: &'a [String]) -> Vec<&'a str> {
    let name = path.trim_start_matches("./");
    let is_one = |file: &str| {
        let codes = ["nb", "nn", "en"].into_iter();
        let mut codes = codes.flat_map(|code| file.match_indices(code));
        codes.any(|(at, code)| {
            let (before, rest) = (&file[..at], &file[at + code.len()..]);
            // Only the language may differ.
            before.ends_with(['.', '-', '_', '/'])
                && rest.starts_with(['.', '-', '_'])
                && name
                    .strip_prefix(before)
                    .is_some_and(|name| name.ends_with(rest))
        })
    };
    let files = beside.iter().map(|file| file.trim_start_matches("./"));
    files.filter(|file| is_one(file)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn message(folder: &Folder, path: &str) -> String {
        folder.read("", path).unwrap_err().message
    }

    #[test]
    fn only_files_in_the_folder_are_read() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let inner = outside.path().join("mailing");
        fs::create_dir_all(inner.join("sub")).unwrap();
        fs::write(inner.join("sub/a.md"), "\u{FEFF}Hei å\r\n").unwrap();
        fs::write(inner.join("bad.md"), b"\xE5").unwrap();
        let folder = Folder::new(&inner).unwrap();

        let source = folder.read("/a", "./sub/a.md").unwrap();
        assert_eq!(source.text(), "Hei å\r\n");
        assert_eq!(source.path(), inner.join("./sub/a.md"));
        folder.read("/b", "./sub/a.md").unwrap();
        folder.read("/b", "sub/a.md").unwrap();
        assert_eq!(folder.files_read(None), ["./sub/a.md", "sub/a.md"]);
        assert_eq!(folder.files_read(Some("/a")), ["./sub/a.md"]);

        let outside_refused = "only files in the manifest's folder can be used";
        assert_eq!(message(&folder, "../secret"), outside_refused);
        assert_eq!(message(&folder, "sub/../../secret"), outside_refused);
        assert_eq!(message(&folder, "/etc/passwd"), outside_refused);
        assert_eq!(message(&folder, "a\0b"), outside_refused);
        assert_eq!(message(&folder, " "), "the path of the file is empty");
        assert_eq!(message(&folder, "none.md"), "there is no such file");
        assert_eq!(message(&folder, "sub"), "it is not a file");
        assert_eq!(message(&folder, "bad.md"), "the file is not UTF-8 text");
    }

    #[test]
    fn a_wrong_language_in_a_name_is_called_so() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("brev")).unwrap();
        for file in ["letter.nb.md", "letter.en.md", "brev/sms-nn.txt"] {
            fs::write(folder.path().join(file), "x").unwrap();
        }
        let folder = Folder::new(folder.path()).unwrap();
        let both = "a language is `nb`, `nn` or `en`; there is letter.en.md, letter.nb.md";
        for (path, hint) in [
            ("letter.no.md", both),
            ("./letter.NB.md", both),
            ("letter.nb-NO.md", both),
            ("letter.bokmål.md", both),
            ("letter..md", both),
            (
                "brev/sms-en_US.txt",
                "a language is `nb`, `nn` or `en`; there is brev/sms-nn.txt",
            ),
            ("leter.nb.md", "did you mean `letter.nb.md`?"),
            ("x/y.md", "the path is relative to the manifest's folder"),
        ] {
            assert_eq!(
                folder.read("", path).unwrap_err().hint.as_deref(),
                Some(hint)
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_the_folder_are_refused() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let inner = outside.path().join("mailing");
        fs::create_dir(&inner).unwrap();
        std::os::unix::fs::symlink("../secret", inner.join("link")).unwrap();
        let folder = Folder::new(&inner).unwrap();
        assert_eq!(
            message(&folder, "link"),
            "the file is a link out of the manifest's folder"
        );
    }
}
