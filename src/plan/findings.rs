//! Findings of Altinn's rules in a letter, each at the place where a person can mend it.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::mailing::display_path;
use super::{Delivery, LocalFile, Mailing};
use crate::correspondence::rules::{self, Context, Finding, Member};
use crate::correspondence::text::{excerpt, is_blank};
use crate::correspondence::{Recipient, Request, local_time};
use crate::diagnostic::{Code, Place, Precedence, Problem};
use crate::markdown::shows_nothing;
use crate::secret::redact;
use crate::template::Scope;
use crate::text::{is_unseen, pointer_token, with_code_points};

/// The manifest's member with properties, whose names are the author's own.
const PROPERTIES: &str = "/correspondence/propertyList/";
const ATTACHMENTS: &str = "/correspondence/content/attachments";

/// A violation of a rule, with its cause in the manifest and in the row.
pub(super) struct LetterFinding {
    pub(super) finding: Finding,
    /// The place of its member in the manifest, as a JSON pointer.
    pub(super) pointer: String,
    /// The file that holds the member's text, when the row chooses the file.
    pub(super) file: Option<String>,
    /// The columns whose values the member is made of; empty when it is the same for every row.
    pub(super) columns: Vec<String>,
}

/// Checks one letter by Altinn's rules. `attached` holds its attachments as indices in the manifest's list, `scope` its row's values; `now` is the time that
/// dates are compared with.
pub(super) fn check_letter(
    mailing: &Mailing,
    delivery: &mut Delivery,
    now: Timestamp,
    attached: &[usize],
    scope: &Scope,
) -> Vec<LetterFinding> {
    let context = Context::new(now, mailing.options.production);
    let mut findings = apply_rules(mailing, delivery, context);
    explain_now(mailing, now, &mut findings);
    set_precedences(&mut findings);
    findings.extend(blank_body(
        &delivery.request.correspondence.content.message_body,
    ));
    let letter = &mailing.letter.correspondence;
    let found = |finding| {
        let pointer = pointer_in_manifest(mailing, &finding, attached, scope);
        LetterFinding {
            columns: feeding_columns(mailing, &pointer, &finding),
            file: mailing.templates.chosen_file(letter, scope, &pointer),
            pointer,
            finding,
        }
    };
    findings.into_iter().map(found).collect()
}

/// A letter whose body shows nothing, although Altinn takes it: comments, no-break spaces, empty paragraphs.
fn blank_body(body: &str) -> Option<Finding> {
    // An empty body is a finding of Altinn's own.
    (!is_blank(body) && shows_nothing(body)).then(|| {
        let body_member = Member {
            path: "correspondence.content.messageBody".to_owned(),
            related: &[],
        };
        Problem::error(body_member, "the letter shows nothing to its reader")
            .with_cause(excerpt(body))
            .with_hint("only comments, blanks and marks are left: is the column empty, or the condition around the text wrong?")
    })
}

/// The place of a finding's member in the manifest. Items of lists that the row leaves out count there, but not in the letter.
fn pointer_in_manifest(
    mailing: &Mailing,
    finding: &Finding,
    attached: &[usize],
    scope: &Scope,
) -> String {
    let rendered = pointer(&finding.place.path);
    // Attachments are planned outside of the compiled letter, which therefore knows nothing of their numbers.
    if let Some((number, member)) = attachment(&rendered)
        && let Some(at) = attached.get(number)
    {
        return format!("{ATTACHMENTS}/{at}{member}");
    }
    let letter = &mailing.letter;
    let trees = [&letter.correspondence, &letter.existing];
    let tree = trees.into_iter().find(|tree| tree.holds(&rendered));
    // Without an index in it, the pointer is the same in the letter and in the manifest.
    match tree.filter(|_| finding.place.path.contains('[')) {
        Some(tree) => mailing
            .templates
            .pointer_in_manifest(tree, scope, &rendered),
        None => rendered,
    }
}

/// The number of the attachment that a pointer leads to, and the pointer within it.
fn attachment(pointer: &str) -> Option<(usize, &str)> {
    let rest = pointer.strip_prefix(ATTACHMENTS)?.strip_prefix('/')?;
    let (number, member) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((number.parse().ok()?, member))
}

/// True when the fault lies in the manifest's own text for a member and not in the row's values: it is still there when a letter stands in place of every
/// value. Such a fault is reported once, for all rows.
pub(super) fn is_of_own_text(
    mailing: &Mailing,
    delivery: &Delivery,
    found: &LetterFinding,
    now: Timestamp,
) -> bool {
    // A value here is judged as a whole, so that the parts around a row's value say nothing by themselves.
    const PARTS: [&str; 2] = ["/customRecipient", "/externalReferences"];
    let (finding, pointer) = (&found.finding, &found.pointer);
    let letter = &mailing.letter.correspondence;
    let file = found.file.as_deref();
    let own = mailing.templates.own_text(letter, pointer, file);
    // Faults of a property's name do not depend on its value: any text stands for it.
    let own = own.or_else(|| pointer.starts_with(PROPERTIES).then(|| "x".to_owned()));
    let Some(own) = own.filter(|_| !PARTS.iter().any(|part| pointer.contains(part))) else {
        return false;
    };
    let Ok(mut request) = serde_json::to_value(&delivery.request) else {
        return false;
    };
    let Some(member) = request.pointer_mut(&self::pointer(&finding.place.path)) else {
        return false;
    };
    *member = own.into();
    // A text in the place of a number or a date may not fit the type.
    let Ok(request) = serde_json::from_value::<Request>(request) else {
        return false;
    };
    let context = Context::new(now, mailing.options.production);
    let same = |other: &Finding| {
        (other.code, &other.place, &other.message)
            == (finding.code, &finding.place, &finding.message)
    };
    rules::check(&request, &context).iter().any(same)
}

/// Adds to a due date in the past that `now()` is the first send, when that was earlier.
fn explain_now(mailing: &Mailing, now: Timestamp, findings: &mut [Finding]) {
    let began = mailing.options.began;
    let mut due = findings.iter_mut();
    let Some(due) = due.find(|finding| finding.code == Some(Code::Altinn(1008))) else {
        return;
    };
    let written = mailing.manifest().correspondence.get("dueDateTime");
    let uses_now = written.is_some_and(|written| written.to_string().contains("now("));
    if uses_now && now.duration_since(began) > SignedDuration::from_mins(1) {
        let began = local_time(began);
        due.hint = Some(format!(
            "`now()` is the time of the mailing's first send, {began}: write a later date"
        ));
    }
}

/// Applies Altinn's rules, in the order in which Altinn applies them.
fn apply_rules(mailing: &Mailing, delivery: &mut Delivery, context: Context<'_>) -> Vec<Finding> {
    if delivery.files.is_empty() {
        return rules::check(&delivery.request, &context);
    }
    // The rules see the letter as its reader will, with its files; in the request they are ids. The member is emptied again below.
    delivery.request.correspondence.content.attachments = delivery
        .files
        .iter()
        .map(|planned| planned.attachment.clone())
        .collect();
    let size = delivery.files.iter().map(|planned| planned.file.size).sum();
    let mut findings = rules::check(&delivery.request, &Context { size, ..context });
    delivery.request.correspondence.content.attachments.clear();
    // Sizes are judged by the limit for single uploads: the planner encloses no file above the limit for forms.
    for (index, planned) in delivery.files.iter().enumerate() {
        let LocalFile {
            size, md5, is_pdf, ..
        } = &*planned.file;
        let found = rules::check_local_file(&planned.attachment, index, *size, md5, *is_pdf);
        for mut finding in found {
            // A finding about its size does not name the file.
            if finding.code == Some(Code::Altinn(2004)) {
                let file = display_path(&mailing.loaded, &planned.file.path);
                let name = excerpt(&file.display().to_string());
                let size = finding.cause.map(|size| format!("{name}: {size}"));
                finding.cause = size.or(Some(name));
            }
            findings.push(finding);
        }
    }
    findings.sort_by_key(stage);
    findings
}

/// The columns that a finding depends on; empty when it is the same for every row.
fn feeding_columns(mailing: &Mailing, member: &str, finding: &Finding) -> Vec<String> {
    let mut columns = columns_of(mailing, member);
    for related in finding.place.related {
        columns.extend(columns_of(mailing, &pointer(related)));
    }
    let mut seen = HashSet::new();
    columns.retain(|column| seen.insert(*column));
    columns.into_iter().map(str::to_owned).collect()
}

/// The columns that the value of a member depends on.
fn columns_of<'a>(mailing: &'a Mailing, pointer: &str) -> Vec<&'a str> {
    if pointer.starts_with("/recipients") {
        return mailing.letter.recipient.columns();
    }
    if pointer.starts_with(ATTACHMENTS) {
        let index = attachment(pointer).map(|(number, _)| number);
        let plans = mailing.letter.attachments.iter().enumerate();
        let plans = plans.filter(|(at, _)| index.is_none_or(|index| index == *at));
        return plans
            .flat_map(|(_, plan)| {
                [
                    plan.file.columns(),
                    plan.metadata.columns(pointer),
                    plan.when.columns(),
                ]
            })
            .flatten()
            .collect();
    }
    if pointer.starts_with("/existingAttachments") {
        return mailing.letter.existing.columns(pointer);
    }
    mailing.letter.correspondence.columns(pointer)
}

/// The place of a finding in the manifest: its member, or the member that requires it when it is missing; for a text that rows choose, its file.
pub(super) fn place_in_manifest(mailing: &Mailing, found: &LetterFinding) -> Place {
    let member = &found.pointer;
    if let Some(file) = &found.file {
        let file = redact(file);
        return Place::File(display_path(&mailing.loaded, file.as_ref().as_ref()));
    }
    let positions = &mailing.loaded.positions;
    if positions.key(member).is_none() && positions.value(member).is_none() {
        let asking = found
            .finding
            .place
            .related
            .iter()
            .map(|related| pointer(related));
        // An attachment without `fileName` takes its name from `file`.
        let file = member
            .strip_suffix("/fileName")
            .map(|attachment| format!("{attachment}/file"));
        let mut written = asking
            .chain(file)
            .filter(|pointer| positions.key(pointer).is_some());
        if let Some(asking) = written.next() {
            return mailing.loaded.place_of_key(&asking);
        }
    }
    mailing.loaded.place(member)
}

/// Reports a synthetic person in production, as an error; elsewhere a person who may be real, and an address with a slip, as warnings. A row has at most one of them.
pub(super) fn check_person(mailing: &Mailing, delivery: &Delivery) -> Option<Problem> {
    let recipient = &delivery.recipient;
    let columns = || mailing.letter.recipient.columns();
    let place = || mailing.row_place(delivery.row, delivery.line, columns());
    let is_synthetic = recipient.is_synthetic_person();
    if let Some(probably) = recipient.probably() {
        let shown = with_code_points(&recipient.masked(), |c| c != ' ' && is_unseen(c));
        let message = format!("the recipient {}", recipient.slip());
        let problem = Problem::warning(place(), message)
            .with_cause(format!("`{shown}`, probably `{}`", probably.masked()))
            .with_hint("Altinn takes it as it stands, and nobody may get the letter: mend it");
        return Some(problem);
    }
    let is_person = matches!(recipient, Recipient::Person(_));
    if !is_person || mailing.options.production != is_synthetic {
        return None;
    }
    Some(if is_synthetic {
        let message = "a synthetic person cannot get a letter in production";
        Problem::error(place(), message)
            .with_hint("remove the test rows, or choose another `environment`")
    } else {
        Problem::warning(place(), "this may be a real person, outside production")
            .with_hint("use synthetic persons for tests (month + 80)")
    })
}

/// The step of the send in which Altinn finds a fault: 0 for uploads, 1 for the letter, 2 for the checks that Altinn makes after it has added up the
/// sizes of files.
fn stage(finding: &Finding) -> u8 {
    match finding.code {
        _ if finding
            .place
            .path
            .starts_with("correspondence.content.attachments[") =>
        {
            0
        }
        Some(Code::Altinn(1035 | 3000..)) | None => 2,
        Some(Code::Model | Code::Altinn(_)) => 1,
    }
}

/// Sets the order in which Altinn would report each of a letter's errors, which stand in Altinn's order. Warnings have none, because Altinn does not answer with them.
fn set_precedences(findings: &mut [Finding]) {
    let is_model = |finding: &Finding| finding.code == Some(Code::Model);
    let Some(first) = findings.iter().position(Finding::is_error) else {
        return;
    };
    // Model validation comes before all numbered rules and reports all of its own at once, the numbered rules only the first.
    let all_of_model = is_model(&findings[first]);
    let is_later = |at: usize, finding: &Finding| {
        at != first && finding.is_error() && !(all_of_model && is_model(finding))
    };
    let mut each = findings.iter().enumerate();
    let has_later = each.any(|(at, finding)| is_later(at, finding));
    for (at, finding) in findings.iter_mut().enumerate() {
        finding.precedence = match has_later {
            _ if !finding.is_error() => None,
            true if is_later(at, finding) => Some(Precedence::Later),
            true => Some(Precedence::First),
            false => Some(Precedence::Only),
        };
    }
}

/// Turns a member's path, as `correspondence.content.attachments[0].fileName`, into a JSON pointer.
fn pointer(member: &str) -> String {
    // A property's name may itself contain dots and brackets.
    if let Some(name) = member.strip_prefix("correspondence.propertyList.") {
        return format!("{PROPERTIES}{}", pointer_token(name));
    }
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
    use serde_json::json;

    use super::{pointer, set_precedences};
    use crate::correspondence::Request;
    use crate::correspondence::rules::{Context, check};

    #[test]
    fn altinn_tells_all_of_model_validation_or_the_first_of_the_rules() {
        let told = |body: &str, title: &str, language: &str| {
            let request: Request = serde_json::from_value(json!({
                "correspondence": {
                    "resourceId": "a", "sendersReference": "b",
                    "content": { "messageBody": body, "messageTitle": title, "language": language }
                },
                "recipients": ["0192:991825828"],
            }))
            .unwrap();
            let now = "2026-11-23T12:00:00Z".parse().unwrap();
            let mut findings = check(&request, &Context::new(now, true));
            set_precedences(&mut findings);
            let told = findings
                .iter()
                .filter_map(|finding| Some(format!("{} {:?}", finding.code?, finding.precedence)));
            told.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(told("x", "x", "nb"), "1029 None");
        assert_eq!(told("x", "# x", "nb"), "1029 None, 1002 Some(Only)");
        assert_eq!(
            told("x", "# x", "xx"),
            "1029 None, 1002 Some(First), 1023 Some(Later)"
        );
        assert_eq!(
            told("", "", "nb"),
            "STD-00000 Some(Only), STD-00000 Some(Only), 1029 None"
        );
        assert_eq!(
            told("", "", "xx"),
            "STD-00000 Some(First), STD-00000 Some(First), 1029 None, 1023 Some(Later)"
        );
    }

    #[test]
    fn a_members_path_becomes_a_pointer() {
        assert_eq!(pointer("recipients[0]"), "/recipients/0");
        assert_eq!(
            pointer("correspondence.content.attachments[10].fileName"),
            "/correspondence/content/attachments/10/fileName"
        );
        assert_eq!(
            pointer("correspondence.propertyList.a.b[0]/c"),
            "/correspondence/propertyList/a.b[0]~1c"
        );
    }
}
