//! The flags of every command that needs a token.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};

/// The values of the flags, and the origin of two of them: a flag outranks a variable, and clap merges both into one value.
#[derive(Debug, Clone)]
pub(crate) struct AuthArgs {
    pub(super) values: Values,
    pub(super) key_by_flag: bool,
    pub(super) token_by_flag: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Values {
    /// A file with certificates to trust besides the machine's own, in PEM [default: the manifest's auth.caFile]
    #[arg(long, value_name = "FILE", env = "MASSEBREV_CA_FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The client id at Maskinporten [default: the manifest's auth.clientId]
    #[arg(long, value_name = "ID", env = "MASSEBREV_CLIENT_ID")]
    pub(super) client_id: Option<String>,
    /// A file with the client's private key: JWK, PEM, PKCS#12 or maskinporten-settings.json [default: the manifest's auth.key]
    #[arg(long, value_name = "FILE", env = "MASSEBREV_KEY_FILE")]
    pub(super) key_file: Option<PathBuf>,
    /// The key's id at Maskinporten [default: the manifest's auth.key.kid, then the key's own]
    #[arg(long, value_name = "KID", env = "MASSEBREV_KID")]
    pub(super) kid: Option<String>,
    /// A file with a token that is there already, instead of a key; read again when it changes [default: the manifest's auth.token]
    #[arg(long, value_name = "FILE", env = "MASSEBREV_TOKEN_FILE")]
    pub(super) token_file: Option<PathBuf>,
}

impl FromArgMatches for AuthArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let by_flag = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        Ok(Self {
            values: Values::from_arg_matches(matches)?,
            key_by_flag: by_flag("key_file"),
            token_by_flag: by_flag("token_file"),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for AuthArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Values::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Values::augment_args_for_update(command)
    }
}
