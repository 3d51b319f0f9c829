//! Opening of files that people name: only plain files, and for a mailing only those in its folder.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// Opens a plain file. Devices, pipes, folders and sockets are refused before they are opened: a device has no end, and opening a pipe may block for ever.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() {
        return File::open(path);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is not a plain file",
    ))
}

/// Reads a plain file, but at most `limit` + 1 bytes, so that the caller can tell that it is too large.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The names of the files in the folder of a missing one, in the form in which that was named; at most [`BESIDE`].
pub(crate) fn beside(folder: &Path, name: &str) -> Vec<String> {
    if !is_inside(name) {
        return Vec::new();
    }
    // A name that leads out of the folder must not reveal what is there.
    let above = name.rfind('/').map_or("", |slash| &name[..=slash]);
    let entries = folder.join(above).read_dir().into_iter().flatten();
    let names = entries
        .take(BESIDE)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.map(|file| format!("{above}{file}")).collect();
    names.sort();
    names
}

/// The most files of a folder that are compared with a missing name.
const BESIDE: usize = 10_000;

/// The reason why a name is not that of a file in a folder.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The name is empty, absolute, or leads upwards.
    NotInside,
    /// The file is a link that leads out of the folder.
    LinkOut,
    /// The name is that of a folder, a device, or another special file.
    NotAFile,
    Unreadable(io::Error),
}

/// Finds a plain file in a folder by its relative name; returns its path with links resolved. `folder` itself must have its links resolved.
pub(crate) fn find_inside(folder: &Path, name: &str) -> Result<PathBuf, Refused> {
    if name.trim().is_empty() || name.contains('\0') || !is_inside(name) {
        return Err(Refused::NotInside);
    }
    let real = folder.join(name).canonicalize();
    let real = real.map_err(Refused::Unreadable)?;
    // Compared after links are resolved: a link inside the folder may lead anywhere.
    if !real.starts_with(folder) {
        return Err(Refused::LinkOut);
    }
    match fs::metadata(&real) {
        Ok(found) if found.is_file() => Ok(real),
        Ok(_) => Err(Refused::NotAFile),
        Err(error) => Err(Refused::Unreadable(error)),
    }
}

/// True for a relative path without `..`.
fn is_inside(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
