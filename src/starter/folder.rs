//! The files of a starter, and how all or none of them are written.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::columns::Columns;
use super::{letters, manifest, rows};
use crate::manifest::schema_text;

/// What the recipients file is called.
const RECIPIENTS: &str = "recipients.csv";

/// The files of a mailing that is about to begin.
#[derive(Debug)]
pub(crate) struct Starter {
    files: Vec<(String, Content)>,
}

/// What a file will hold.
#[derive(Debug)]
enum Content {
    Text(String),
    /// Another file, byte for byte; only its owner may read it.
    Copy(PathBuf),
}

#[derive(Debug, Error)]
pub(crate) enum WriteError {
    /// Files that are there would have to be overwritten.
    #[error("{} already holds {}", folder.display(), names.join(", "))]
    Exists {
        folder: PathBuf,
        /// The names of all those files.
        names: Vec<String>,
    },
    /// Where the folder should be there is something else.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// A file or folder cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Starter {
    /// A mailing to four synthetic recipients.
    pub(crate) fn example(mailing: &str) -> Self {
        let columns = rows::columns();
        let mut starter = Self::new(mailing, RECIPIENTS, &columns);
        starter.push(RECIPIENTS, Content::Text(rows::ROWS.to_owned()));
        starter
    }

    /// A mailing to the recipients in `csv`, which is copied into the folder unless it lies there already.
    pub(crate) fn around(mailing: &str, csv: &Path, columns: &Columns, folder: &Path) -> Self {
        if let Some(name) = name_in(csv, folder) {
            return Self::new(mailing, &name, columns);
        }
        let mut starter = Self::new(mailing, RECIPIENTS, columns);
        starter.push(RECIPIENTS, Content::Copy(csv.to_owned()));
        starter
    }

    fn new(mailing: &str, recipients: &str, columns: &Columns) -> Self {
        let mut starter = Self { files: Vec::new() };
        let text = manifest::manifest(mailing, recipients, columns);
        starter.push("mailing.yaml", Content::Text(text));
        starter.push("mailing.schema.json", Content::Text(schema_text().clone()));
        for (name, text) in letters::letters(columns) {
            starter.push(&name, Content::Text(text));
        }
        starter.push(".gitignore", Content::Text(gitignore(recipients)));
        starter
    }

    fn push(&mut self, name: &str, content: Content) {
        self.files.push((name.to_owned(), content));
    }

    /// Writes all files into the folder, or none; gives their paths. The folder is made when it is not there.
    pub(crate) fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, WriteError> {
        if folder.exists() && !folder.is_dir() {
            return Err(WriteError::NotAFolder(folder.to_owned()));
        }
        // Also links that lead nowhere are there.
        let names = self.files.iter().map(|(name, _)| name);
        let there: Vec<_> = names
            .filter(|name| folder.join(name).symlink_metadata().is_ok())
            .cloned()
            .collect();
        if !there.is_empty() {
            return Err(WriteError::Exists {
                folder: folder.to_owned(),
                names: there,
            });
        }
        let mut written = WrittenFiles::default();
        let result = self
            .files
            .iter()
            .try_fold(Vec::new(), |mut paths, (name, content)| {
                let path = folder.join(name);
                let failed = |source| WriteError::Write {
                    path: path.clone(),
                    source,
                };
                written.folders_of(folder).map_err(failed)?;
                written.file(&path, content).map_err(failed)?;
                paths.push(path);
                Ok(paths)
            });
        if result.is_err() {
            written.undo();
        }
        result
    }
}

/// What has been made so far.
#[derive(Debug, Default)]
struct WrittenFiles {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl WrittenFiles {
    /// Makes a folder and those around it that are not there.
    fn folders_of(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<_> = folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder)?;
            self.folders.push(folder.to_owned());
        }
        Ok(())
    }

    /// Writes a file that is not there.
    fn file(&mut self, path: &Path, content: &Content) -> io::Result<()> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if matches!(content, Content::Copy(_)) {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(path)?;
        self.files.push(path.to_owned());
        match content {
            Content::Text(text) => file.write_all(text.as_bytes()),
            Content::Copy(from) => io::copy(&mut File::open(from)?, &mut file).map(|_| ()),
        }
    }

    /// Removes it all again, as far as that can be done: why it could not be written is what is told.
    fn undo(self) {
        for file in self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The name of a file when it lies in the folder itself.
fn name_in(file: &Path, folder: &Path) -> Option<String> {
    let parent = file.canonicalize().ok()?.parent()?.to_owned();
    let lies_there = parent == folder.canonicalize().ok()?;
    lies_there
        .then(|| file.file_name()?.to_str().map(str::to_owned))
        .flatten()
}

/// What stays out of repositories.
fn gitignore(recipients: &str) -> String {
    let mut pattern = String::new();
    for letter in recipients.chars() {
        match letter {
            '\\' | '*' | '?' | '[' | ' ' => pattern.extend(['\\', letter]),
            _ if letter.is_control() => pattern.push('?'),
            _ => pattern.push(letter),
        }
    }
    format!(
        "\
# Journals and reports of mailings: they stay with who sends.
.massebrev/
# Private keys.
/keys/
*.jwk.json
*.pem
# Who gets letters: identity numbers do not belong in a repository.
/{pattern}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_written_or_none() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("deep/er");
        let mut starter = Starter::example("brev-2026-11");
        starter.push("last", Content::Copy(outside.path().join("none.csv")));
        let error = starter.write(&folder).unwrap_err();
        assert!(
            matches!(&error, WriteError::Write { path, .. } if path.ends_with("last")),
            "{error}"
        );
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);

        fs::create_dir(outside.path().join("deep")).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        starter.write(&folder).unwrap_err();
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            1,
            "what was there stays"
        );
    }

    #[test]
    fn a_name_in_gitignore_means_itself() {
        assert!(gitignore("a [1]*.csv").ends_with("\n/a\\ \\[1]\\*.csv\n"));
    }
}
