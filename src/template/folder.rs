//! Reading template files, which must be inside the manifest's folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{SetupError, TemplateError, excerpt};
use crate::diagnostic::Source;

/// The largest template file, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// The manifest's folder. Clones share the list of files read.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    /// The path as the user wrote it, for messages.
    shown: PathBuf,
    /// The path without links, for the check that a file is inside.
    real: PathBuf,
    /// The files that have been read, by the paths in the templates.
    files_read: Arc<Mutex<BTreeSet<String>>>,
}

impl Folder {
    pub(super) fn new(folder: &Path) -> Result<Self, SetupError> {
        // The parent of a bare file name is the empty path.
        let here = Path::new(".");
        let named = if folder.as_os_str().is_empty() {
            here
        } else {
            folder
        };
        let real = named.canonicalize().map_err(|source| SetupError::Folder {
            folder: folder.to_owned(),
            source,
        })?;
        Ok(Self {
            shown: folder.to_owned(),
            real,
            files_read: Arc::default(),
        })
    }

    /// The files that have been read; they are part of the plan digest.
    pub(super) fn files_read(&self) -> Vec<String> {
        self.files_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Reads a file inside the folder. A byte order mark is dropped, everything else is kept.
    pub(super) fn read(&self, path: &str) -> Result<Source, Box<TemplateError>> {
        let refused = |message: &str| TemplateError::new(message).with_cause(excerpt(path));
        let relative = Path::new(path);
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.trim().is_empty() {
            return Err(refused("the path of the file is empty").into());
        }
        if path.contains('\0') || !relative.components().all(inside) {
            return Err(refused("only files in the manifest's folder can be used")
                .with_hint("copy the file into the folder, and name it relative to the manifest")
                .into());
        }
        let unreadable = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => refused("there is no such file")
                .with_hint("the path is relative to the manifest's folder"),
            kind => {
                refused("the file cannot be read").with_cause(format!("{}: {kind}", excerpt(path)))
            }
        };
        let real = self.real.join(relative).canonicalize();
        let real = real.map_err(|error| unreadable(&error))?;
        // Checked after links are resolved: a path that comes from a row must not read files elsewhere.
        if !real.starts_with(&self.real) {
            return Err(refused("the file is a link out of the manifest's folder").into());
        }
        let size = fs::metadata(&real).map_err(|error| unreadable(&error))?;
        if !size.is_file() {
            return Err(refused("it is not a file").into());
        }
        if size.len() > FILE_LIMIT {
            return Err(refused("the file is larger than 1 MB, which no template is").into());
        }
        let bytes = fs::read(&real).map_err(|error| unreadable(&error))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| refused("the file is not UTF-8 text").with_hint("save it as UTF-8"))?;
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        self.files_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned());
        Ok(Source::new(self.shown.join(relative), text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(folder: &Folder, path: &str) -> String {
        folder.read(path).unwrap_err().message
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

        let source = folder.read("./sub/a.md").unwrap();
        assert_eq!(source.text(), "Hei å\r\n");
        assert_eq!(source.path(), inner.join("./sub/a.md"));
        assert_eq!(folder.clone().files_read(), ["./sub/a.md"]);

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
