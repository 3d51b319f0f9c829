//! The rendering and checking of proofs.

use jiff::Timestamp;

use super::findings::check_letter;
use super::fingerprint::Fingerprint;
use super::proof::Proving;
use super::report_builder::ReportBuilder;
use super::{CheckReport, Deliveries, Delivery, Mailing, Planned, Proof, Selection, Withheld};
use crate::correspondence::Moment;
use crate::diagnostic::{Code, Problem, Problems};

#[derive(Debug, Clone)]
pub(crate) struct Proofs {
    /// The report of the proofs, as of a mailing of their own: no other row of the file has a letter in it.
    pub checked: CheckReport,
    pub withheld: Withheld,
    /// The time when the last of them is published; `None` when all are at once.
    pub published: Option<Moment>,
}

/// Renders and checks the proofs of the wanted rows. Their report takes the place of the mailing's for sending: its deliveries are the proofs. `now` is the
/// time that dates are compared with.
///
/// # Errors
///
/// When the rows are not what was checked, and when a proof breaks a rule that its letter does not break.
pub(crate) fn prove(
    mailing: &Mailing,
    checked: &CheckReport,
    proof: Proof,
    wanted: &Selection,
    now: Timestamp,
) -> Result<Proofs, Problems> {
    let mut deliveries = Deliveries::new(mailing, checked, wanted.clone())?;
    let mut report = ReportBuilder::new(mailing, Problems::new(), now);
    // With everything of the mailing's report that a run needs.
    let mut proofs = Proofs {
        checked: CheckReport {
            plan: checked.plan,
            now: checked.now,
            inputs: checked.inputs.clone(),
            files: checked.files.clone(),
            fingerprints: Vec::with_capacity(checked.fingerprints.len()),
            ..CheckReport::default()
        },
        withheld: Withheld::default(),
        published: None,
    };
    let mut proven = Selection::default();
    while let Some(outcome) = deliveries.next() {
        let mut outcome = outcome.map_err(|changed| {
            let place = mailing.row_place(changed.row, changed.line, None::<String>);
            Problem::error(place, changed.to_string())
                .with_hint("leave the mailing's files alone until it has been sent; then run the same command again")
        })?;
        if let Planned::Delivery(delivery) = &mut outcome {
            let (planner, row) = (&mut deliveries.planner, &deliveries.row);
            // The letter has been compared with what was checked: redirected, it has another key and digest.
            let withheld = planner.redirect(&proof, delivery);
            // Checked again, because a proof may break a rule that its letter keeps: its parts have changed.
            let findings = check_letter(mailing, delivery, now, &planner.attached, &planner.scope);
            report.add_findings(findings, row, delivery);
            proofs.count(delivery, withheld);
            proven.push(row.number);
        } else {
            outcome = Planned::LeftOut;
        }
        // Every row gets a fingerprint, so that positions are the same as in the mailing's report.
        let fingerprint = Fingerprint::from_planned(&outcome);
        proofs.checked.fingerprints.push(fingerprint);
    }
    // Warnings about the letters have been reported with the letters.
    let errors = report.problems.all.into_iter().filter(Problem::is_error);
    let errors: Problems = errors.map(explain_for_proof).collect();
    // One wrong proof stops all of them: a reviewer who gets fewer letters than asked for would not notice.
    if !errors.is_empty() {
        return Err(errors);
    }
    proofs.checked.proving = Some(Proving {
        proof,
        rows: proven,
    });
    Ok(proofs)
}

impl Proofs {
    fn count(&mut self, delivery: &Delivery, withheld: Withheld) {
        let checked = &mut self.checked;
        if checked.letters == 0 {
            checked.shared = delivery.uploads().cloned().collect();
        }
        checked.rows += 1;
        checked.letters += 1;
        self.withheld.custom_recipients += withheld.custom_recipients;
        self.withheld.dialogs += withheld.dialogs;
        // The reviewer is told when all proofs can be read.
        let published = delivery.request.correspondence.requested_publish_time;
        let last = [self.published, published].into_iter().flatten();
        self.published = last.max_by_key(|at| at.timestamp());
    }
}

/// Words a problem that only proofs have: without custom recipients, `overrideRegisteredContactInformation` leaves no one to notify (3022).
fn explain_for_proof(problem: Problem) -> Problem {
    if problem.code != Some(Code::Altinn(3022)) {
        return problem;
    }
    Problem {
        message: "a proof leaves the custom recipients out, and nobody else is to be notified".to_owned(),
        ..problem
    }
    .with_hint("prove rows whose letters notify their recipients too, with --rows; or look at the letters with `massebrev render MANIFEST --html FILE`")
}
