//! The types of a letter and the rules that make it valid.
//!
//! The types are named and nested as in the API of Altinn 3 Correspondence, so that anything from its documentation can be
//! pasted into a manifest. Pure: no files, no network, no clock.

mod address_slips;
mod api_enum;
mod attachment;
pub mod codes;
pub mod contact;
pub mod control_digits;
pub mod files;
mod form;
pub mod identifier;
mod language;
mod markup_inlines;
mod markup_source;
mod moment;
mod notification;
pub mod path;
mod plain;
mod request;
pub mod rules;
pub mod sms;
pub mod text;
pub(crate) mod written;

pub use attachment::{ATTACHMENT_LIMIT, Attachment};
pub use form::form_fields;
pub use identifier::{InvalidRecipient, Recipient};
pub use language::Language;
pub use moment::{Moment, local_time};
pub(crate) use moment::{deadline_text, in_norway};
pub use notification::{
    CustomRecipient, EmailContentType, NOTIFICATION_KEYWORDS, Notification, NotificationChannel,
    NotificationTemplate,
};
pub use request::{
    Content, Correspondence, ExternalReference, ReferenceType, ReplyOption, Request,
    bare_resource_id,
};
