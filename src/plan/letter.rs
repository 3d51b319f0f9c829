//! The compiled letter of a mailing.

use serde_json::{Value, json};

use super::problems::unless_wrong;
use crate::diagnostic::Problem;
use crate::manifest::LoadedManifest;
use crate::template::{
    MemberRules, TemplateError, TemplatePlace, TemplateResult, Templates, Text, Tree,
};

/// The members with rules of their own: values in the body are escaped for Markdown, and a property may be called `when`.
pub(super) const MEMBER_RULES: MemberRules = MemberRules {
    markdown: &["/correspondence/content/messageBody"],
    own_keys: &["propertyList"],
};

#[derive(Debug)]
pub(super) struct Letter {
    pub(super) recipient: Text,
    /// The condition `where`; `None` when every row gets a letter.
    pub(super) applies: Option<Text>,
    pub(super) correspondence: Tree,
    /// The ids of files uploaded earlier, `existingAttachments`.
    pub(super) existing: Tree,
    pub(super) attachments: Vec<AttachmentPlan>,
}

/// An entry of `content.attachments`: a file and its metadata.
#[derive(Debug)]
pub(super) struct AttachmentPlan {
    /// The entry's place in the manifest, as a JSON pointer.
    pub(super) pointer: String,
    pub(super) when: Text,
    pub(super) file: Text,
    pub(super) metadata: Tree,
}

impl AttachmentPlan {
    /// True when file and metadata are the same for every row that has the attachment.
    pub(super) fn is_shared(&self) -> bool {
        self.file.is_constant() && self.metadata.is_constant()
    }
}

/// Compiles the letter. A part with errors adds them to `errors` and is left out; `None` when recipient or `where` are among these parts.
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
    // The language comes first, because it decides the output of filters in all other texts. Its errors are reported when it is compiled again as a part
    // of the letter.
    let language = correspondence.pointer("/content/language");
    if let Some(text) = language.and_then(Value::as_str)
        && let Ok(language) = templates.compile_text("/correspondence/content/language", text)
    {
        templates.set_language(language);
    }
    let recipient = &manifest.recipients.recipient;
    let recipient = templates.compile_text("/recipients/recipient", recipient);
    let recipient = unless_wrong(recipient, errors);
    let applies = manifest.recipients.where_.as_ref();
    let applies = applies.map(|applies| templates.compile_text("/recipients/where", applies));
    let applies = unless_wrong(applies.transpose(), errors);
    let mut tree = |pointer, value, nothing| match templates.compile(pointer, value) {
        Ok(tree) => Some(tree),
        // An empty part in place of the wrong one, so that rows can still be read and their recipients checked.
        Err(wrong) => {
            errors.extend(wrong);
            templates.compile(pointer, nothing).ok()
        }
    };
    let correspondence = tree("/correspondence", &correspondence, &Value::Null);
    let existing = Value::from(manifest.existing_attachments.clone());
    let existing = tree("/existingAttachments", &existing, &json!([]));
    let entries = attachments.iter().filter_map(Value::as_array).flatten();
    let attachments = entries
        .enumerate()
        .filter_map(|(index, entry)| {
            unless_wrong(compile_attachment(index, entry, templates), errors)
        })
        .collect();
    Some(Letter {
        recipient: recipient?,
        applies: applies?,
        correspondence: correspondence?,
        existing: existing?,
        attachments,
    })
}

/// Compiles one entry of `content.attachments`, which must name a local `file`.
fn compile_attachment(
    index: usize,
    entry: &Value,
    templates: &mut Templates,
) -> TemplateResult<AttachmentPlan> {
    let pointer = format!("/correspondence/content/attachments/{index}");
    let mut metadata = entry.clone();
    // massebrev's own members are taken out: what is left goes to Altinn as metadata.
    let mut remove_member = |member| {
        metadata
            .as_object_mut()
            .and_then(|members| members.shift_remove(member))
    };
    let (file, when) = (remove_member("file"), remove_member("when"));
    let Some(file) = file.as_ref().and_then(Value::as_str) else {
        let place = TemplatePlace {
            pointer,
            ..TemplatePlace::default()
        };
        let hint = "add `file: PATH`; a file uploaded earlier goes into `existingAttachments`";
        let error = Problem::error(place, "the attachment names no local `file`");
        return Err(vec![error.with_hint(hint)]);
    };
    let mut errors = Vec::new();
    let file = unless_wrong(
        templates.compile_text(&format!("{pointer}/file"), file),
        &mut errors,
    );
    let metadata = unless_wrong(templates.compile(&pointer, &metadata), &mut errors);
    let when = unless_wrong(
        templates.compile_condition(&format!("{pointer}/when"), when.as_ref()),
        &mut errors,
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
