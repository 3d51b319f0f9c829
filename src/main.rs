//! The program `massebrev`.

use std::process::ExitCode;

fn main() -> ExitCode {
    massebrev::run()
}
