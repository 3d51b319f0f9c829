//! What is wrong with a letter, at the place where a person can mend it.

use jiff::Timestamp;

use super::check::Gathering;
use super::{Delivery, Mailing};
use crate::correspondence::Recipient;
use crate::correspondence::rules::{self, Context, Finding};
use crate::diagnostic::{Place, Problem};

impl Mailing {
    /// Checks one letter: what is the same for all rows is said once, at its place in the manifest; the rest at its row.
    pub(super) fn check_delivery(
        &self,
        delivery: &Delivery,
        now: Timestamp,
        gathering: &mut Gathering,
    ) {
        let problems = &mut gathering.checked.problems;
        problems.extend(self.check_person(delivery));
        for finding in self.findings(delivery, now) {
            let pointer = pointer(&finding.member);
            if let Some(columns) = self.feeding(&pointer) {
                let place = Place::Row {
                    file: self.rows_file(),
                    line: delivery.line,
                    columns,
                };
                problems.push(finding.into_problem(place));
            } else if gathering.constant.insert((
                finding.code,
                finding.member.clone(),
                finding.message.clone(),
            )) {
                problems.push(finding.into_problem(self.loaded.place(&pointer)));
            }
        }
    }

    /// What Altinn would refuse, its first refusal first.
    fn findings(&self, delivery: &Delivery, now: Timestamp) -> Vec<Finding> {
        let context = Context::new(now, self.setting.production);
        if delivery.files.is_empty() {
            return rules::check(&delivery.request, &context);
        }
        // The rules see the letter as its reader will: with its files.
        let mut request = delivery.request.clone();
        request.correspondence.content.attachments = delivery
            .files
            .iter()
            .map(|planned| planned.attachment.clone())
            .collect();
        let mut findings = rules::check(&request, &context);
        for (index, planned) in delivery.files.iter().enumerate() {
            let size = rules::check_upload(Some(planned.file.size));
            let member = format!("correspondence.content.attachments[{index}].file");
            findings.extend(size.map(|finding| Finding { member, ..finding }));
        }
        findings.extend(rules::check_forwarding(
            &request.correspondence,
            delivery.files.iter().map(|planned| planned.file.size).sum(),
        ));
        findings
    }

    /// The columns that feed a member; `None` when it is the same for every row.
    fn feeding(&self, pointer: &str) -> Option<Vec<String>> {
        if pointer.starts_with("/recipients") {
            return Some(owned(self.letter.recipient.columns()));
        }
        if let Some(rest) = pointer.strip_prefix("/correspondence/content/attachments/") {
            let index = rest
                .split('/')
                .next()
                .and_then(|index| index.parse::<usize>().ok());
            let plan = index.and_then(|index| self.letter.attachments.get(index))?;
            let mut columns = plan.file.columns();
            columns.extend(plan.told.columns(pointer));
            return (!plan.is_shared()).then(|| owned(columns));
        }
        let tree = if pointer.starts_with("/existingAttachments") {
            &self.letter.existing
        } else {
            &self.letter.correspondence
        };
        let columns = tree.columns(pointer);
        (!columns.is_empty()).then(|| owned(columns))
    }

    fn check_person(&self, delivery: &Delivery) -> Option<Problem> {
        let Recipient::Person(_) = &delivery.recipient else {
            return None;
        };
        let columns = owned(self.letter.recipient.columns());
        let place = Place::Row {
            file: self.rows_file(),
            line: delivery.line,
            columns,
        };
        match (
            self.setting.production,
            delivery.recipient.is_synthetic_person(),
        ) {
            (true, true) => Some(
                Problem::error(
                    place,
                    "a synthetic person cannot get a letter in production",
                )
                .with_hint("remove the test rows, or choose another `environment`"),
            ),
            (false, false) => Some(
                Problem::warning(place, "this may be a real person, outside production")
                    .with_hint("use synthetic persons for tests (month + 80)"),
            ),
            _ => None,
        }
    }
}

pub(super) fn owned(columns: Vec<&str>) -> Vec<String> {
    columns.into_iter().map(str::to_owned).collect()
}

/// `correspondence.content.attachments[0].fileName` as a JSON pointer.
fn pointer(member: &str) -> String {
    let mut pointer = String::with_capacity(member.len() + 1);
    pointer.push('/');
    for char in member.chars() {
        match char {
            '.' | '[' => pointer.push('/'),
            ']' => {}
            char => pointer.push(char),
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn a_members_path_becomes_a_pointer() {
        assert_eq!(pointer("recipients[0]"), "/recipients/0");
        assert_eq!(
            pointer("correspondence.content.attachments[10].fileName"),
            "/correspondence/content/attachments/10/fileName"
        );
    }
}
