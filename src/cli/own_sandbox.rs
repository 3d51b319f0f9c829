//! The sandbox that a command starts for itself and stops at its end.

use crate::altinn::Environment;
use crate::sandbox::{Options, Sandbox};
use tokio::runtime::{Builder, Runtime};

use super::auth::Credentials;
use super::{CliError, Printer};

/// A sandbox with a runtime and a thread of its own, so that it can answer while the sender's single thread is busy.
#[derive(Debug)]
pub(crate) struct OwnSandbox {
    sandbox: Sandbox,
    runtime: Runtime,
    pub(crate) environment: Environment,
}

impl OwnSandbox {
    pub(crate) fn start(printer: Printer) -> Result<Self, CliError> {
        let failed = CliError::start("the sandbox");
        let runtime = Builder::new_multi_thread()
            // One thread is enough, and leaves the other cores to rendering.
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(&failed)?;
        let options = Options {
            takes_unknown_attachments: true,
            ..Options::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(options)).map_err(failed)?;
        printer.note("sandbox: a local Altinn and Maskinporten; no letter leaves this machine");
        // It serves as both platform and Maskinporten.
        let environment = Environment::sandbox(sandbox.url(), sandbox.url());
        Ok(Self {
            environment: environment.map_err(CliError::wrong)?,
            sandbox,
            runtime,
        })
    }

    pub(crate) fn credentials(&self) -> Credentials<'_> {
        Credentials::Sandbox(self.sandbox.registration())
    }

    /// Stops the sandbox after it has answered the requests in flight.
    pub(crate) fn stop(self) -> Result<(), CliError> {
        self.runtime
            .block_on(self.sandbox.stop())
            .map_err(CliError::start("the end of the sandbox"))
    }
}
