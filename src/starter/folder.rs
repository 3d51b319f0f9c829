//! The files of a starter, and writing them: all or none.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::columns::Columns;
use super::{letters, manifest, rows};
use crate::manifest::schema_text;

const RECIPIENTS: &str = "recipients.csv";

/// The files of a new mailing, before they are written.
#[derive(Debug)]
pub(crate) struct Starter {
    files: Vec<(String, Content)>,
}

#[derive(Debug)]
enum Content {
    Text(String),
    /// A copy of another file, byte for byte, that only its owner may read, because it is personal data.
    Copy(PathBuf),
}

#[derive(Debug, Error)]
pub(crate) enum WriteError {
    #[error("{message}")]
    Refused { message: String, hint: &'static str },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Starter {
    pub(crate) fn example(mailing: &str) -> Self {
        let columns = rows::columns();
        let mut starter = Self::new(mailing, RECIPIENTS, &columns);
        starter.push(RECIPIENTS, Content::Text(rows::ROWS.to_owned()));
        starter
    }

    /// A mailing to the recipients in `csv`, which is copied into the folder unless it is there already.
    pub(crate) fn from_csv(mailing: &str, csv: &Path, columns: &Columns, folder: &Path) -> Self {
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

    /// Writes all files into the folder, or none, and returns their paths. Creates the folder if necessary.
    pub(crate) fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, WriteError> {
        if folder.exists() && !folder.is_dir() {
            return Err(WriteError::Refused {
                message: format!("{} is not a folder", folder.display()),
                hint: "choose another folder",
            });
        }
        // `symlink_metadata` also finds links that lead nowhere, which writing would follow.
        let names = self.files.iter().map(|(name, _)| name.as_str());
        let there: Vec<_> = names
            .filter(|name| folder.join(name).symlink_metadata().is_ok())
            .collect();
        if !there.is_empty() {
            return Err(WriteError::Refused {
                message: format!("{} already holds {}", folder.display(), there.join(", ")),
                hint: "nothing was written: choose another folder, or move these files away",
            });
        }
        // The folders and files made so far.
        let mut made = Vec::new();
        let mut written = Vec::new();
        for (name, content) in &self.files {
            let path = folder.join(name);
            let folders = create_folders(folder, &mut made);
            if let Err(source) = folders.and_then(|()| create_file(&path, content, &mut made)) {
                // As far as possible: the first error is the one to report.
                for path in made.iter().rev() {
                    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
                }
                return Err(WriteError::Write { path, source });
            }
            written.push(path);
        }
        Ok(written)
    }
}

fn create_folders(folder: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    let missing: Vec<_> = folder
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        made.push(folder.to_owned());
    }
    Ok(())
}

fn create_file(path: &Path, content: &Content, made: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if matches!(content, Content::Copy(_)) {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(path)?;
    made.push(path.to_owned());
    match content {
        Content::Text(text) => file.write_all(text.as_bytes()),
        Content::Copy(from) => io::copy(&mut File::open(from)?, &mut file).map(|_| ()),
    }
}

/// The name of a file, when it is directly in the folder.
fn name_in(file: &Path, folder: &Path) -> Option<String> {
    let parent = file.canonicalize().ok()?.parent()?.to_owned();
    let lies_there = parent == folder.canonicalize().ok()?;
    lies_there
        .then(|| file.file_name()?.to_str().map(str::to_owned))
        .flatten()
}

/// The content of `.gitignore`: journals, keys and recipients stay out of repositories.
fn gitignore(recipients: &str) -> String {
    let mut pattern = String::new();
    for letter in recipients.chars() {
        match letter {
            // Signs with a meaning in patterns are escaped; a control character cannot be written and is matched by `?`.
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
