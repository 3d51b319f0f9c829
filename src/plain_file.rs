//! Files that people name: only plain files are opened, and those of a mailing lie in its folder.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// Opens a plain file. A device has no end and a pipe may wait for ever: both are refused before they are opened, as are folders and sockets.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() {
        return File::open(path);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is not a plain file",
    ))
}

/// The bytes of a plain file, but at most one more than `limit`.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The names of the files beside one that is not there, as it is named: those of the same folder, at most [`BESIDE`].
pub(crate) fn beside(folder: &Path, name: &str) -> Vec<String> {
    if !is_inside(name) {
        return Vec::new();
    }
    let above = name.rfind('/').map_or("", |slash| &name[..=slash]);
    let entries = folder.join(above).read_dir().into_iter().flatten();
    let names = entries
        .take(BESIDE)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.map(|file| format!("{above}{file}")).collect();
    names.sort();
    names
}

/// The most files that are looked at for a name that was meant.
const BESIDE: usize = 10_000;

/// Why a name is not that of a file in a folder.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It is empty, absolute, or leads upwards.
    NotInside,
    /// It is there, as a link that leads out of the folder.
    LinkOut,
    /// It is something else than a plain file.
    NotAFile,
    Unreadable(io::Error),
}

/// The real path of a plain file in a folder, by its relative name; `folder` is a real path itself.
pub(crate) fn find_inside(folder: &Path, name: &str) -> Result<PathBuf, Refused> {
    if name.trim().is_empty() || name.contains('\0') || !is_inside(name) {
        return Err(Refused::NotInside);
    }
    let real = folder.join(name).canonicalize();
    let real = real.map_err(Refused::Unreadable)?;
    if !real.starts_with(folder) {
        return Err(Refused::LinkOut);
    }
    match fs::metadata(&real) {
        Ok(found) if found.is_file() => Ok(real),
        Ok(_) => Err(Refused::NotAFile),
        Err(error) => Err(Refused::Unreadable(error)),
    }
}

/// True for a relative path that leads nowhere upwards.
fn is_inside(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
