//! The flags of every command that needs a token.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
pub(crate) struct AuthArgs {
    /// A file with certificates to trust besides the machine's own, in PEM [default: the manifest's auth.caFile]
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The client id at Maskinporten [default: the manifest's auth.clientId]
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// A file with the client's private key: JWK, PEM, PKCS#12 or maskinporten-settings.json [default: the manifest's auth.key]
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,
    /// The key's id at Maskinporten [default: the manifest's auth.key.kid, then the key's own]
    #[arg(long, value_name = "KID")]
    pub(super) kid: Option<String>,
    /// A file with a token that is there already, instead of a key; read again when it changes [default: the manifest's auth.token]
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}
