//! Files that are there whole or not at all, for their owner's eyes only.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::CliError;

/// Writes a file beside the place first, and moves it there when it is whole: what was there stays until then.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let failed = |source| CliError::File {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let mut file = BufWriter::new(private(&beside).map_err(failed)?);
    let written = write(&mut file)
        .and_then(|()| file.flush().map_err(failed))
        .and_then(|()| std::fs::rename(&beside, path).map_err(failed));
    if written.is_err() {
        // The disk may be full: half a file is of no use.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Creates a file that only its owner can read, because it is about people; a file that was there is replaced, not reused, so that its mode does not stay.
fn private(path: &Path) -> io::Result<File> {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
