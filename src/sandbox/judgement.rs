//! The verdict on a letter: the rules that can be checked offline and those that need the server's data, in Altinn's order.

use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::attachment::AttachmentStatus;
use super::body::{Body, pascal};
use super::problem::{Entry, Refusal};
use super::scenario::Scenario;
use super::state::ServerState;
use crate::correspondence::rules::{self, Context, Finding, NewFile};
use crate::correspondence::{Recipient, Request, bare_resource_id};
use crate::diagnostic::Code;

/// The codes in the order in which Altinn checks them: the first one that applies is the answer. Codes that are not listed come last.
const ORDER: [u16; 53] = [
    3023, 1047, 1034, 1036, 4001, 4010, 4006, 4002, 1060, 1061, 1068, 1006, 1029, 1044, 1016, 1030,
    1032, 1008, 1009, 1019, 1020, 1002, 1037, 1042, 1003, 1021, 1022, 1023, 1039, 1052, 1053, 1048,
    1045, 1051, 1050, 1046, 1054, 1017, 1007, 1038, 1018, 1069, 2010, 2011, 2013, 2012, 2021, 1005,
    2004, 2017, 1055, 1035, 3001,
];

/// A synthetic person whom Altinn's own tests treat as reserved against digital mail; reserved in every scenario.
const RESERVED: &str = "08900499559";

const TEMPLATE: &str = "correspondence.notification.notificationTemplate";

pub(super) struct AcceptedRequest {
    pub(super) request: Request,
    /// The recipients as normalised URNs, each with true when the person is reserved against digital letters.
    pub(super) recipients: Vec<(String, bool)>,
}

/// Checks a parsed body; `files` are the files of its form.
pub(super) fn judge(
    state: &ServerState,
    caller: &Arc<str>,
    body: Body,
    files: &[NewFile<'_>],
) -> Result<AcceptedRequest, Refusal> {
    let request: Request = serde_json::from_value(body.value)
        .map_err(|error| Refusal::Model(vec![Entry::new("$", error.to_string())]))?;
    let context = Context {
        new_files: Some(files),
        size: files.iter().map(|file| file.size).sum(),
        ..Context::new(Timestamp::now(), state.options.production)
    };
    let findings = rules::check(&request, &context);
    let mut entries = body.entries;
    // Model validation comes first and reports all its faults together; any one of them ends the check. The template has its own answer, and an undefined
    // `referenceType` is stored as it is.
    let paths = body.undefined.iter().map(|(path, _)| path);
    let undefined = paths.filter(|path| *path != TEMPLATE && !path.ends_with(".referenceType"));
    entries.extend(undefined.map(|path| Entry::new(pascal(path), "The value is not defined.")));
    add_model(&mut entries, &findings);
    if !entries.is_empty() {
        return Err(Refusal::Model(entries));
    }
    // An undefined template fails before all numbered rules and with a bare string as body; 2 is a template of the API without a stored text (3001).
    let template = body.undefined.iter().find(|(path, _)| path == TEMPLATE);
    if template.is_some_and(|(_, number)| *number != 2) {
        return Err(Refusal::Bare("Invalid notification template"));
    }
    let recipients = recipients(state, &request);
    let known_by_server = server_refusals(state, caller, &request, &recipients);
    let unstored_template = template.map(|_| Refusal::code(3001));
    let by_rules = first_altinn(&findings).map(Refusal::code);
    let refusals = known_by_server.into_iter().chain(unstored_template);
    // A text with U+0000, which Altinn's database cannot store: the finding has no code, as the answer is an unhandled error.
    let has_null = errors(&findings).any(|finding| finding.code.is_none());
    // The rules report in Altinn's order, but the server's own checks lie between them: the rank merges both.
    match refusals.chain(by_rules).min_by_key(rank) {
        Some(refusal) => Err(refusal),
        None if body.null_property || has_null => Err(Refusal::Crash),
        None => Ok(AcceptedRequest {
            request,
            recipients,
        }),
    }
}

/// Adds the findings that belong to model validation, except for members that have an entry already.
pub(super) fn add_model(entries: &mut Vec<Entry>, findings: &[Finding]) {
    let known: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    for finding in errors(findings).filter(|finding| finding.code == Some(Code::Model)) {
        let mut key = pascal(&finding.place.path);
        // Altinn reports recipients by the list, not by the item.
        if key.starts_with("Recipients[") {
            key.truncate("Recipients".len());
        }
        let is_covered_by = |known: &String| {
            let rest = key.strip_prefix(known.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !known.iter().any(is_covered_by) {
            entries.push(Entry::new(key, finding.message.as_str()));
        }
    }
}

/// The first numbered code among the findings, which come in Altinn's order.
pub(super) fn first_altinn(findings: &[Finding]) -> Option<u16> {
    errors(findings).find_map(|finding| match finding.code {
        Some(Code::Altinn(code)) => Some(code),
        Some(Code::Model) | None => None,
    })
}

fn errors(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.is_error())
}

/// The position of a refusal in Altinn's order; refusals without a code come first.
fn rank(refusal: &Refusal) -> usize {
    let place = |code| ORDER.iter().position(|known| *known == code);
    match refusal {
        Refusal::Altinn { code, .. } => place(*code).unwrap_or(ORDER.len()),
        _ => 0,
    }
}

fn recipients(state: &ServerState, request: &Request) -> Vec<(String, bool)> {
    let ignored = request.correspondence.ignore_reservation == Some(true);
    let reserved = &state.options.scenario.reserved_recipients;
    let recipients = request.recipients.iter();
    recipients
        .filter_map(|text| Recipient::from_api(text).ok())
        .map(|recipient| {
            let urn = recipient.urn();
            let is_listed = urn.ends_with(RESERVED) || names_recipient(reserved, &urn);
            let is_reserved = recipient.is_person() && !ignored && is_listed;
            (urn, is_reserved)
        })
        .collect()
}

/// True when the set holds the recipient, as a URN or by its bare identifier.
fn names_recipient(set: &BTreeSet<String>, urn: &str) -> bool {
    !set.is_empty()
        && (set.contains(urn) || urn.rsplit(':').next().is_some_and(|id| set.contains(id)))
}

/// The refusal by registry and rights, which are asked in this order.
pub(super) fn refused_resource(scenario: &Scenario, resource: &str) -> Option<Refusal> {
    let unknown = scenario.unknown_resources.contains(resource);
    let forbidden = scenario.forbidden_resources.contains(resource);
    (unknown.then_some(1036).or(forbidden.then_some(4001))).map(Refusal::code)
}

/// The refusals that depend on the server's data: used keys, registers and stored attachments.
fn server_refusals(
    state: &ServerState,
    caller: &Arc<str>,
    request: &Request,
    recipients: &[(String, bool)],
) -> Vec<Refusal> {
    let scenario = &state.options.scenario;
    let mut refusals = Vec::new();
    let store = state.store();
    if let Some(key) = request.idempotent_key
        && store.letter_with_key(key).is_some()
    {
        refusals.push(Refusal::code(1034));
    }
    for id in &request.existing_attachments {
        match store.attachments.get(id) {
            None if state.options.takes_unknown_attachments => {}
            None => refusals.push(Refusal::code(1007)),
            Some(file) if file.sender != *caller => refusals.push(Refusal::code(1017)),
            Some(file) if file.status != AttachmentStatus::Published => {
                refusals.push(Refusal::code(1018));
            }
            Some(_) => {}
        }
    }
    // The rest reads the scenario only.
    drop(store);
    let resource = bare_resource_id(&request.correspondence.resource_id);
    refusals.extend(refused_resource(scenario, resource));
    let unknown = recipients
        .iter()
        .map(|(urn, _)| urn.as_str())
        .filter(|urn| names_recipient(&scenario.unknown_recipients, urn))
        .collect::<Vec<_>>();
    if !unknown.is_empty() {
        refusals.push(Refusal::Altinn {
            code: 1029,
            about: Some(unknown.join(",")),
        });
    }
    // Altinn refuses a request for one reserved person, but accepts one with others in it.
    if let [(_, true)] = recipients {
        refusals.push(Refusal::code(1030));
    }
    refusals
}
