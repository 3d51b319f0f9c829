//! The program `massebrev`.

use std::process::ExitCode;

/// A fifth of the processor time of a check goes to allocation with the C library's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    massebrev::run()
}
