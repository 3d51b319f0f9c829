//! The letter of a mailing, compiled.

use serde_json::{Value, json};

use crate::manifest::LoadedManifest;
use crate::template::{Condition, MemberRules, TemplateError, Templates, Text, Tree};

/// What is special about places in the letter: values in the body are escaped for Markdown, and a property may be called `when`.
pub(super) const MEMBER_RULES: MemberRules = MemberRules {
    markdown: &["/correspondence/content/messageBody"],
    own_keys: &["propertyList"],
};

/// The compiled parts of a letter.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) recipient: Text,
    pub(super) applies: Option<Text>,
    /// The language, when it differs from row to row.
    pub(super) language: Option<Text>,
    pub(super) correspondence: Tree,
    pub(super) existing: Tree,
    pub(super) attachments: Vec<AttachmentPlan>,
}

/// An entry of `content.attachments`: a file and what Altinn is told about it.
#[derive(Debug)]
pub(super) struct AttachmentPlan {
    pub(super) pointer: String,
    /// True when a row's letter has it.
    pub(super) when: Condition,
    pub(super) file: Text,
    pub(super) metadata: Tree,
}

impl AttachmentPlan {
    /// True when it is the same for every row that has it.
    pub(super) fn is_shared(&self) -> bool {
        self.file.is_constant() && self.metadata.is_constant()
    }
}

/// Compiles the letter. A part that is wrong is an error and left out; `None` when it is not known who gets the letter.
pub(super) fn compile(
    loaded: &LoadedManifest,
    templates: &mut Templates,
    errors: &mut Vec<TemplateError>,
) -> Option<Letter> {
    let manifest = &loaded.manifest;
    let mut correspondence = manifest.correspondence.clone();
    let attachments = correspondence
        .pointer_mut("/content")
        .and_then(Value::as_object_mut)
        .and_then(|content| content.shift_remove("attachments"));
    // What is wrong with it is told where it is compiled as a part of the letter.
    let language = correspondence
        .pointer("/content/language")
        .and_then(Value::as_str)
        .and_then(|text| {
            templates
                .compile_text("/correspondence/content/language", text)
                .ok()
        });
    if let Some(language) = &language {
        templates.set_language(language);
    }
    let recipient = &manifest.recipients.recipient;
    let recipient = templates.compile_text("/recipients/recipient", recipient);
    let recipient = keep(errors, recipient);
    let applies = manifest.recipients.where_.as_ref().map(|applies| {
        let applies = templates.compile_text("/recipients/where", applies);
        keep(errors, applies)
    });
    let mut tree = |pointer, value, nothing| match templates.compile(pointer, value) {
        Ok(tree) => Some(tree),
        Err(wrong) => {
            errors.extend(wrong);
            templates.compile(pointer, nothing).ok()
        }
    };
    let correspondence = tree("/correspondence", &correspondence, &Value::Null);
    let existing = Value::from(manifest.existing_attachments.clone());
    let existing = tree("/existingAttachments", &existing, &json!([]));
    let entries = attachments
        .as_ref()
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let attachments = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| keep(errors, compile_attachment(index, entry, templates)))
        .collect();
    Some(Letter {
        recipient: recipient?,
        applies: match applies {
            Some(applies) => Some(applies?),
            None => None,
        },
        language: language.filter(|language| !language.is_constant()),
        correspondence: correspondence?,
        existing: existing?,
        attachments,
    })
}

fn compile_attachment(
    index: usize,
    entry: &Value,
    templates: &mut Templates,
) -> Result<AttachmentPlan, Vec<TemplateError>> {
    let pointer = format!("/correspondence/content/attachments/{index}");
    let mut metadata = entry.clone();
    let mut take = |member| {
        metadata
            .as_object_mut()
            .and_then(|members| members.shift_remove(member))
    };
    let (file, when) = (take("file"), take("when"));
    let Some(file) = file.as_ref().and_then(Value::as_str) else {
        return Err(vec![TemplateError {
            message: "the attachment names no local `file`".to_owned(),
            hint: Some(
                "add `file: PATH`; a file uploaded earlier goes into `existingAttachments`"
                    .to_owned(),
            ),
            pointer,
            ..TemplateError::default()
        }]);
    };
    let mut errors = Vec::new();
    let file = keep(
        &mut errors,
        templates.compile_text(&format!("{pointer}/file"), file),
    );
    let metadata = keep(&mut errors, templates.compile(&pointer, &metadata));
    let when = keep(
        &mut errors,
        templates.compile_condition(&format!("{pointer}/when"), when.as_ref()),
    );
    match (file, metadata, when) {
        (Some(file), Some(metadata), Some(when)) => Ok(AttachmentPlan {
            pointer,
            when,
            file,
            metadata,
        }),
        _ => Err(errors),
    }
}

/// Goes on after an error, so that all of them are found.
fn keep<T>(errors: &mut Vec<TemplateError>, result: Result<T, Vec<TemplateError>>) -> Option<T> {
    result.map_err(|mut wrong| errors.append(&mut wrong)).ok()
}
