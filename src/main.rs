//! The program `massebrev`.

use std::process::ExitCode;

/// A check takes 15 % less processor time with it than with the C library's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    massebrev::run()
}
