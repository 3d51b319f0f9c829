//! Refuses secrets that stand where a name is expected, without quoting them.

use std::env;
use std::path::PathBuf;

use crate::manifest::Auth;
use crate::secret::is_secret;

use crate::cli::CliError;

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
    let variable = [definition]
        .into_iter()
        .chain(definition.get_subcommands())
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| argument.get_env()?.to_str())
        .find(secret);
    // Only the variable's name is reported, never its value.
    match variable {
        Some(name) => Err(misplaced_secret(name)),
        None => Ok(()),
    }
}

/// Refuses a secret where the manifest expects the name of a file or a client.
pub(crate) fn check_manifest(auth: &Auth) -> Result<(), CliError> {
    let (key, token) = (auth.key.clone(), auth.token.clone());
    let (key, token) = (key.unwrap_or_default(), token.unwrap_or_default());
    let password = key.password.unwrap_or_default();
    let subscription = auth.subscription_key.clone().unwrap_or_default();
    let file = |path: Option<PathBuf>| path.map(|path| path.to_string_lossy().into_owned());
    let names = [
        ("auth.clientId", auth.client_id.clone()),
        ("auth.caFile", file(auth.ca_file.clone())),
        ("auth.key.kid", key.kid),
        ("auth.key.file", file(key.file)),
        ("auth.key.certificate", file(key.certificate)),
        ("auth.key.password.file", file(password.file)),
        ("auth.subscriptionKey.file", file(subscription.file)),
        ("auth.token.file", file(token.file)),
    ];
    for (member, name) in names {
        if name.is_some_and(|name| is_secret(&name)) {
            return Err(misplaced_secret(&format!("`{member}`")));
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
