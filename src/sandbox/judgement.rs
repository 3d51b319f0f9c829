//! The verdict on a letter: the written rules and what only a server knows, in the server's order.

use jiff::Timestamp;
use std::collections::BTreeSet;

use super::access::Caller;
use super::attachment::AttachmentStatus;
use super::body::{Body, pascal};
use super::problem::{Entry, Refusal};
use super::state::ServerState;
use crate::correspondence::rules::{self, Context, Finding, NewFile};
use crate::correspondence::{Recipient, Request, bare_resource_id};
use crate::diagnostic::Code;

/// The codes of a letter in the order Altinn comes to them, as far as that is mixed: the first that applies is its answer, those not here come last.
const ORDER: [u16; 53] = [
    3023, 1047, 1034, 1036, 4001, 4010, 4006, 4002, 1060, 1061, 1068, 1006, 1029, 1044, 1016, 1030,
    1032, 1008, 1009, 1019, 1020, 1002, 1037, 1042, 1003, 1021, 1022, 1023, 1039, 1052, 1053, 1048,
    1045, 1051, 1050, 1046, 1054, 1017, 1007, 1038, 1018, 1069, 2010, 2011, 2013, 2012, 2021, 1005,
    2004, 2017, 1055, 1035, 3001,
];

const TEMPLATE: &str = "correspondence.notification.notificationTemplate";

/// A letter that nothing speaks against.
pub(super) struct AcceptedRequest {
    pub(super) request: Request,
    /// The recipients as Altinn writes them, and whether each is reserved.
    pub(super) recipients: Vec<(String, bool)>,
}

/// Checks a body that says what the API expects; `files` came with it.
pub(super) fn judge(
    state: &ServerState,
    caller: &Caller,
    body: Body,
    files: &[NewFile<'_>],
) -> Result<AcceptedRequest, Refusal> {
    let request: Request = serde_json::from_value(body.value)
        .map_err(|error| Refusal::Model(vec![Entry::new("$", error.to_string())]))?;
    let findings = findings(state, &request, files);
    let mut entries = body.entries;
    for (path, _) in body.undefined.iter().filter(|(path, _)| is_modelled(path)) {
        entries.push(Entry::new(pascal(path), "The value is not defined."));
    }
    add_model(&mut entries, &findings);
    if !entries.is_empty() {
        return Err(Refusal::Model(entries));
    }
    let template = body.undefined.iter().find(|(path, _)| path == TEMPLATE);
    if template.is_some_and(|(_, number)| *number != 2) {
        return Err(Refusal::Bare("Invalid notification template"));
    }
    let recipients = recipients(state, &request);
    let known_by_server = known(state, caller, &request, &recipients);
    let unstored_template = template.map(|_| Refusal::code(3001));
    let by_rules = first_altinn(&findings).map(Refusal::code);
    let refusals = known_by_server.into_iter().chain(unstored_template);
    match refusals.chain(by_rules).min_by_key(rank) {
        Some(refusal) => Err(refusal),
        None if body.null_property || has_null(&findings) => Err(Refusal::Crash),
        None => Ok(AcceptedRequest {
            request,
            recipients,
        }),
    }
}

/// What model validation says among findings, beside what it has said of the same members already.
pub(super) fn add_model(entries: &mut Vec<Entry>, findings: &[Finding]) {
    let known: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    for finding in errors(findings).filter(|finding| finding.code == Some(Code::Model)) {
        let mut key = pascal(&finding.member);
        if key.starts_with("Recipients[") {
            key.truncate("Recipients".len());
        }
        let said = |known: &String| {
            let rest = key.strip_prefix(known.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !known.iter().any(said) {
            entries.push(Entry::new(key, finding.message.as_str()));
        }
    }
}

/// The first numbered code among findings, which come in the server's order.
pub(super) fn first_altinn(findings: &[Finding]) -> Option<u16> {
    errors(findings).find_map(|finding| match finding.code {
        Some(Code::Altinn(code)) => Some(code),
        Some(Code::Model) | None => None,
    })
}

/// True when a text has U+0000, which the server's database does not store: an error without a code.
fn has_null(findings: &[Finding]) -> bool {
    errors(findings).any(|finding| finding.code.is_none())
}

fn errors(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.is_error())
}

fn findings(state: &ServerState, request: &Request, files: &[NewFile<'_>]) -> Vec<Finding> {
    let context = Context::new(Timestamp::now(), state.options.production).with_new_files(files);
    rules::check(request, &context)
}

/// Numbers without a name that model validation refuses. An undefined `referenceType` is stored as it is.
fn is_modelled(path: &str) -> bool {
    path != TEMPLATE && !path.ends_with(".referenceType")
}

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
            let letter_count = recipient.is_person() && !ignored && names(reserved, &urn);
            (urn, letter_count)
        })
        .collect()
}

/// True when a set has a recipient, as a URN or by its identifier alone.
fn names(set: &BTreeSet<String>, urn: &str) -> bool {
    !set.is_empty()
        && (set.contains(urn) || urn.rsplit(':').next().is_some_and(|id| set.contains(id)))
}

/// What only the server knows: keys, registers, and files it has.
fn known(
    state: &ServerState,
    caller: &Caller,
    request: &Request,
    recipients: &[(String, bool)],
) -> Vec<Refusal> {
    let scenario = &state.options.scenario;
    let mut refusals = Vec::new();
    let store = state.store();
    if let Some(key) = request.idempotent_key
        && store.is_key_used(key)
    {
        refusals.push(Refusal::code(1034));
    }
    for id in &request.existing_attachments {
        match store.attachments.get(id) {
            None => refusals.push(Refusal::code(1007)),
            Some(file) if file.sender != caller.organization => refusals.push(Refusal::code(1017)),
            Some(file) if file.status != AttachmentStatus::Published => {
                refusals.push(Refusal::code(1018));
            }
            Some(_) => {}
        }
    }
    drop(store);
    let resource = bare_resource_id(&request.correspondence.resource_id);
    if scenario.unknown_resources.contains(resource) {
        refusals.push(Refusal::code(1036));
    }
    if scenario.forbidden_resources.contains(resource) {
        refusals.push(Refusal::code(4001));
    }
    let unknown = recipients
        .iter()
        .map(|(urn, _)| urn.as_str())
        .filter(|urn| names(&scenario.unknown_recipients, urn))
        .collect::<Vec<_>>();
    if !unknown.is_empty() {
        refusals.push(Refusal::Altinn {
            code: 1029,
            about: Some(unknown.join(",")),
        });
    }
    if let [(_, true)] = recipients {
        refusals.push(Refusal::code(1030));
    }
    refusals
}
