//! The program `massebrev`.

use std::panic;
use std::process::ExitCode;

fn main() -> ExitCode {
    let report = panic::take_hook();
    // Otherwise a panic of what is installed would abort, and leave a core file with letters and keys in it.
    panic::set_hook(Box::new(move |panic| {
        report(panic);
        exit_after_panic();
    }));
    massebrev::run()
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the only way out of a panic without a core file"
)]
fn exit_after_panic() -> ! {
    std::process::exit(101)
}
