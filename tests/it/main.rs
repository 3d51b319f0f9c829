//! One test binary: it drives the real program against the sandbox.
