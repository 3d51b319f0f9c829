//! The first letters, which go alone.

use super::Ending;
use super::delivery::Courier;
use super::engine::{Engine, Taken};
use super::outcome::Fatal;
use super::planner::Steps;
use super::tally::Tally;
use crate::journal::Outcome;

impl Engine<'_> {
    /// The first letters go alone, one after the other: what is wrong with all of them is seen once.
    pub(super) async fn send_canaries(
        &self,
        steps: &Steps<'_>,
        courier: &Courier<'_>,
        tally: &mut Tally<'_>,
    ) {
        let mut accepted = 0;
        while accepted < self.options.canary && !self.stop.is_set() {
            let Some(step) = steps.next().await else {
                return;
            };
            match self.take(step, courier).await {
                Ok(Taken::Nothing) => {}
                Ok(Taken::Left) => tally.cut_short = true,
                Ok(Taken::Ended(ended)) => {
                    let why = match &ended.outcome {
                        Outcome::Sent { .. } | Outcome::AlreadySent { .. } => None,
                        // A reserved person and a resource of several say nothing about the other letters: the next one is the canary.
                        Outcome::Reserved(_) => {
                            tally.count(*ended);
                            continue;
                        }
                        _ if matches!(ended.fatal, Some(Fatal::Resource)) => {
                            tally.count(*ended);
                            continue;
                        }
                        Outcome::Rejected(reason)
                        | Outcome::Failed(reason)
                        | Outcome::Unknown(reason) => Some(format!(
                            "the first letter (line {}) was not accepted: {reason}",
                            ended.line
                        )),
                    };
                    tally.count(*ended);
                    match why {
                        Some(why) => tally.halt(Ending::Stopped(why)),
                        None => accepted += 1,
                    }
                }
                Err(error) => tally.fail(error),
            }
        }
    }
}
