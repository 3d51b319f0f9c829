//! Enums of the API, read as Altinn reads them: the name in any case, or its number. They are always written by name.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

/// Reads one of `values`, which have these names in the same order and are numbered from 0.
pub(super) fn read<'de, T: Copy, D: Deserializer<'de>>(
    deserializer: D,
    names: &'static [&'static str],
    values: &[T],
) -> Result<T, D::Error> {
    let at = deserializer.deserialize_any(EnumVisitor(names))?;
    Ok(values[at])
}

/// Implements `Deserialize` for an enum whose variants are named and numbered as Altinn's are.
macro_rules! api_enum {
    ($type:ident: $($name:ident),+) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let names = &[$(stringify!($name)),+];
                $crate::correspondence::api_enum::read(deserializer, names, &[$(Self::$name),+])
            }
        }
    };
}
pub(super) use api_enum;

struct EnumVisitor(&'static [&'static str]);

impl Visitor<'_> for EnumVisitor {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", self.0.join(", "))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        let word = text.trim();
        let mut names = self.0.iter();
        let place = names.position(|name| name.eq_ignore_ascii_case(word));
        // Form fields and templates give numbers as texts.
        let found = place.or_else(|| word.parse().ok().filter(|at| *at < self.0.len()));
        found.ok_or_else(|| E::unknown_variant(text, self.0))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<usize, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<usize, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use crate::correspondence::{
        EmailContentType, NotificationChannel, NotificationTemplate, ReferenceType,
    };

    #[test]
    fn names_are_read_in_any_case_and_by_their_numbers() {
        for spelling in [
            json!("EmailAndSms"),
            json!("emailandsms"),
            json!(" EMAILANDSMS\n"),
            json!(4),
            json!("4"),
        ] {
            let read: NotificationChannel = from_value(spelling.clone()).unwrap();
            assert_eq!(read, NotificationChannel::EmailAndSms, "{spelling}");
            assert_eq!(to_value(read).unwrap(), json!("EmailAndSms"));
        }
        let read = |value: Value| from_value::<NotificationChannel>(value).is_ok();
        for refused in [
            json!("Mail"),
            json!(5),
            json!(-1),
            json!("-1"),
            json!(""),
            json!(0.5),
            json!(true),
        ] {
            assert!(!read(refused.clone()), "{refused}");
        }
    }

    #[test]
    fn numbers_are_altinns() {
        let reference = |number: u64| from_value::<ReferenceType>(json!(number)).unwrap();
        assert_eq!(reference(0), ReferenceType::Generic);
        assert_eq!(reference(3), ReferenceType::DialogportenDialogId);
        assert_eq!(reference(6), ReferenceType::DialogportenTransmissionType);
        let template: NotificationTemplate = from_value(json!(1)).unwrap();
        assert_eq!(template, NotificationTemplate::GenericAltinnMessage);
        let kind: EmailContentType = from_value(json!("html")).unwrap();
        assert_eq!(kind, EmailContentType::Html);
    }
}
