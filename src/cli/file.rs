//! Output files: written atomically, readable by their owner only, and never in place of another program's file.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use super::CliError;

/// The number of bytes that are compared at the beginning of a file.
const HEAD: u64 = 1024;

/// Refuses a path whose file is not massebrev's own, as `is_own` tells from its beginning; `what` names the kind of file in the error.
pub(super) fn refuse_foreign(
    path: &Path,
    what: &str,
    is_own: impl Fn(&str) -> bool,
) -> Result<(), CliError> {
    let failed = CliError::file("look at", path);
    let (reason, hint) = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
        // A folder or device can be no file of massebrev's, and renaming over it would fail or do harm.
        Ok(there) if !there.is_file() => ("no file".to_owned(), "choose another name"),
        Ok(_) => {
            let mut head = Vec::new();
            let file = File::open(path).map_err(&failed)?;
            file.take(HEAD).read_to_end(&mut head).map_err(&failed)?;
            if is_own(&String::from_utf8_lossy(&head)) {
                return Ok(());
            }
            let reason = format!("no {what} of massebrev's");
            (reason, "choose another name, or remove the file first")
        }
    };
    let message = format!("{} is there already and is {reason}", path.display());
    Err(CliError::usage(message, hint))
}

/// Writes a file under a temporary name in the same folder and renames it when it is complete. The earlier file stays until then. Errors name the path that the
/// user gave.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let failed = CliError::file("write", path);
    let mut file = BufWriter::new(private(&beside).map_err(&failed)?);
    let written = write(&mut file)
        .and_then(|()| file.flush().map_err(&failed))
        .and_then(|()| std::fs::rename(&beside, path).map_err(&failed));
    if written.is_err() {
        // The disk may be full: a partial file is of no use.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Creates a file that only its owner can read, because it holds personal data. An existing file is removed first: opening it would keep its permissions.
fn private(path: &Path) -> io::Result<File> {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = File::options();
    // `create_new` also refuses a symbolic link that appears in between.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
