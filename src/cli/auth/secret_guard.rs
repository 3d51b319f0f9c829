//! Refuses secrets that stand where a name is expected, without quoting them.

use std::env;

use crate::manifest::Auth;
use crate::secret::is_secret;
use serde_json::Value;

use crate::cli::CliError;
use crate::cli::command_line::arguments;

/// Refuses a secret on the command line or in a variable of a flag. To be called before anything that quotes arguments in errors.
pub(crate) fn check_command_line(definition: &clap::Command) -> Result<(), CliError> {
    // The raw arguments: clap has not parsed them yet, because its errors quote what they refuse.
    let on_the_command_line = env::args_os()
        .skip(1)
        .any(|argument| is_secret(&argument.to_string_lossy()));
    if on_the_command_line {
        return Err(CliError::usage(
            "there is a secret on the command line",
            format!("others can see it there, so have it replaced; {SECRET_PLACES}"),
        ));
    }
    let secret =
        |name: &&str| env::var_os(name).is_some_and(|value| is_secret(&value.to_string_lossy()));
    let variables = arguments(definition).filter_map(|argument| argument.get_env()?.to_str());
    let variable = variables.into_iter().find(secret);
    // Only the variable's name is reported, never its value.
    variable.map_or(Ok(()), |name| Err(misplaced_secret(name)))
}

/// Refuses a secret where the manifest expects the name of a file or a client.
pub(crate) fn check_manifest(auth: &Auth) -> Result<(), CliError> {
    let auth = serde_json::to_value(auth).unwrap_or_default();
    for member in [
        "clientId",
        "caFile",
        "key.kid",
        "key.file",
        "key.certificate",
        "key.password.file",
        "subscriptionKey.file",
        "token.file",
    ] {
        let name = auth.pointer(&format!("/{}", member.replace('.', "/")));
        if name.and_then(Value::as_str).is_some_and(is_secret) {
            return Err(misplaced_secret(&format!("`auth.{member}`")));
        }
    }
    Ok(())
}

fn misplaced_secret(place: &str) -> CliError {
    CliError::usage(
        format!("there is a secret itself in {place}, where a name belongs"),
        SECRET_PLACES,
    )
}

const SECRET_PLACES: &str = "a key goes into a file (--key-file FILE) or into MASSEBREV_KEY, and a token into a file (--token-file FILE) or into MASSEBREV_TOKEN";
