//! Tests of rate limiter and attempts, in virtual time, against simulated servers.

mod pacing;
mod refusals;
mod server;
mod trying;

use super::{Event, Observer};

impl Observer for () {
    fn notice(&self, _: &Event<'_>) {}
}
