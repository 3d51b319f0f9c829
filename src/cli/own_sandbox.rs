//! The sandbox that a command starts for itself.

use crate::sandbox::{Options, Registration, Sandbox};
use tokio::runtime::{Builder, Runtime};

use super::{CliError, Printer};

/// A sandbox on a thread of its own: it answers while letters are prepared.
#[derive(Debug)]
pub(crate) struct OwnSandbox {
    sandbox: Sandbox,
    runtime: Runtime,
}

impl OwnSandbox {
    pub(crate) fn start(printer: Printer) -> Result<Self, CliError> {
        let failed = |source| CliError::Start {
            what: "the sandbox",
            source,
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(failed)?;
        let sandbox = runtime
            .block_on(Sandbox::start(Options::default()))
            .map_err(failed)?;
        printer.note("sandbox: a local Altinn and Maskinporten; no letter leaves this machine");
        Ok(Self { sandbox, runtime })
    }

    pub(crate) fn url(&self) -> &str {
        self.sandbox.url()
    }

    /// The client that may send to it.
    pub(crate) fn registration(&self) -> &Registration {
        self.sandbox.registration()
    }

    /// Ends it when the requests under way are answered.
    pub(crate) fn stop(self) -> Result<(), CliError> {
        self.runtime
            .block_on(self.sandbox.stop())
            .map_err(|source| CliError::Start {
                what: "the end of the sandbox",
                source,
            })
    }
}
