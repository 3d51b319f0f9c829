//! `massebrev sandbox`: runs the sandbox until Ctrl-C.

use std::path::PathBuf;

use crate::sandbox::{Options, Sandbox, Scenario};
use clap::Args;
use tokio::runtime::Runtime;

use super::file::{refuse_foreign, write_whole};
use super::{CliError, ExitStatus, Printer};

/// Run a local Altinn and Maskinporten to rehearse against, until Ctrl-C.
///
/// It checks grants, tokens and letters as Altinn does, keeps what it receives in memory, and shows it on a page.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Write the private key of the sandbox's client here, to be used as auth.key
    #[arg(long, value_name = "FILE")]
    key_out: Option<PathBuf>,
    /// The loopback port; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8765)]
    port: u16,
    /// Trouble to rehearse: calm, busy, flaky, or strict-rate:120/min
    #[arg(long, value_name = "NAME", default_value = "calm")]
    scenario: String,
}

/// The beginning of a key file that a sandbox has written. A JWK may have unknown members, so the comment does no harm.
const KEY_MARK: &str = "{\"comment\":\"key of a massebrev sandbox\",";

impl SandboxArgs {
    pub(crate) fn run(self, printer: Printer) -> Result<ExitStatus, CliError> {
        let scenario = Scenario::named(&self.scenario).map_err(CliError::wrong)?;
        let runtime = Runtime::new().map_err(CliError::start("the asynchronous runtime"))?;
        runtime.block_on(async {
            let options = Options {
                port: self.port,
                scenario,
                ..Options::default()
            };
            let sandbox = Sandbox::start(options).await;
            let sandbox = sandbox.map_err(CliError::start("the sandbox"))?;
            self.introduce(&sandbox, printer)?;
            let interrupted = tokio::signal::ctrl_c().await;
            interrupted.map_err(CliError::start("listening for Ctrl-C"))?;
            printer.note(format_args!("{} letters received", sandbox.letter_count()));
            let stopped = sandbox.stop().await;
            stopped.map_err(CliError::start("the end of the sandbox"))?;
            Ok(ExitStatus::Success)
        })
    }

    fn introduce(&self, sandbox: &Sandbox, printer: Printer) -> Result<(), CliError> {
        let url = sandbox.url();
        let registration = sandbox.registration();
        if let Some(path) = &self.key_out {
            // Every start makes a new key and replaces the old file. The mark protects the key of a real client from that.
            let jwk = registration.jwk.replacen('{', KEY_MARK, 1);
            refuse_foreign(path, "sandbox key", |old| old.starts_with(KEY_MARK))?;
            write_whole(path, |to| {
                to.write_all(jwk.as_bytes())
                    .map_err(CliError::file("write", path))
            })?;
        }
        printer.out(format_args!(
            "# in the manifest:\nenvironment: {{ platform: \"{url}\", maskinporten: \"{url}\" }}\nauth:\n  clientId: {}",
            registration.client_id
        ))?;
        match &self.key_out {
            Some(path) => {
                // The manifest's paths are relative to its own folder, which is not known here.
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                printer.out(format_args!("  key: {{ file: '{}' }}", path.display()))?;
            }
            None => {
                printer.note("the client's key is needed to send: start again with --key-out FILE");
            }
        }
        printer.note(format_args!("inbox: {url}/ · stop with Ctrl-C"));
        Ok(())
    }
}
