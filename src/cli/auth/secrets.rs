//! Reading secrets from files and variables.

use std::path::Path;

use crate::manifest::SecretSource;
use crate::secret::read_file;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::cli::CliError;

/// Reads a file of at most 1 MB; `action` completes the error `cannot …`, as in `read the key`.
pub(super) fn read(path: &Path, action: &'static str) -> Result<Zeroizing<Vec<u8>>, CliError> {
    read_file(path).map_err(CliError::file(action, path))
}

pub(super) fn read_text(path: &Path, action: &'static str) -> Result<Zeroizing<String>, CliError> {
    let bytes = read(path, action)?;
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The value of a variable; a blank one counts as not set.
pub(super) fn variable(name: &str) -> Option<SecretString> {
    // Build servers set a variable without a value to the empty string.
    let value = Zeroizing::new(std::env::var(name).ok()?);
    (!value.trim().is_empty()).then(|| value.as_str().into())
}

/// Reads a secret from massebrev's own variable, or else from the file or variable that the manifest names in `member`. `what` is its name in messages.
pub(super) fn find(
    what: &str,
    own_variable: &str,
    (member, source): (&str, Option<&SecretSource>),
    folder: &Path,
) -> Result<Option<SecretString>, CliError> {
    if let Some(text) = variable(own_variable) {
        return Ok(Some(text));
    }
    let Some(source) = source else {
        return Ok(None);
    };
    if let Some(file) = &source.file {
        let text = read_text(&folder.join(file), "read the secret in")?;
        // Editors end a file with a line break; blanks may belong to a password.
        return Ok(Some(text.trim_end_matches(['\r', '\n']).into()));
    }
    let name = source.env.as_deref().unwrap_or(own_variable);
    variable(name).map(Some).ok_or_else(|| {
        CliError::setup(
            format!("there is no {what}: {name} is not set"),
            format!("set it, or correct `{member}` in the manifest"),
        )
    })
}

/// Returns a warning when other users of this machine can read a file that holds a secret.
pub(super) fn warn_if_open(path: &Path, what: &str) -> Option<String> {
    #[cfg(unix)]
    let is_open = {
        use std::os::unix::fs::PermissionsExt as _;

        // The read bits of group and others.
        std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o044 != 0)
    };
    #[cfg(not(unix))]
    let is_open = false;
    is_open.then(|| {
        let path = path.display();
        format!("others on this machine can read the {what} {path}: chmod 600 {path}")
    })
}
