//! The connection of a command to Altinn, and the source of its token.
//!
//! A token comes from one origin. The first rank that names one wins, and two of the same rank are an error:
//!
//! | rank | a key that buys tokens | a token that is there already |
//! |---|---|---|
//! | flag | `--key-file` | `--token-file` |
//! | variable | `MASSEBREV_KEY_FILE`, `MASSEBREV_KEY` | `MASSEBREV_TOKEN_FILE`, `MASSEBREV_TOKEN` |
//! | manifest | `auth.key` | `auth.token`: a file, a variable, a program, the test token generator |
//!
//! A variable that the manifest itself names (`env:`) is of the manifest's rank. What belongs to the origin has a rank of its own, one by one: `--client-id`, `--kid` and `--ca-file`,
//! their variables, then the manifest; passwords and the subscription key have no flag. A sandbox has its own client, and none of this applies.

mod arguments;
mod connection;
mod key;
mod origin;
mod secret_guard;
mod secrets;

pub(super) use arguments::AuthArgs;
pub(super) use connection::{Connection, Credentials, OpenedSource};
pub(super) use secret_guard::{check_command_line, check_manifest};
