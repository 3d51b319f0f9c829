//! Tests of rate limiter and attempts, in virtual time, against simulated servers.

mod pacing;
mod refusals;
mod server;
mod trying;
