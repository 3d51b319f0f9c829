//! The idempotency key of a row: the same for all time, whoever works it out.

use crate::correspondence::bare_resource_id;
use uuid::Uuid;

use super::Digest;

/// The namespace of massebrev's version 5 UUIDs. Altinn's table of keys is shared by all senders: a namespace of our own keeps others from hitting our keys
/// by chance. It never changes: with it, every key would change, and letters could be sent twice.
pub(crate) const NAMESPACE: Uuid = Uuid::from_u128(0x3b6d_0b8e_5f0c_4d4e_9a3c_7e1f_62c8_51d7);

/// The key of one letter: a version 5 UUID over resource, mailing and the row's own key.
///
/// The resource is taken without its optional `urn:altinn:resource:`, so that both spellings name the same letter. No journal is needed to work
/// it out again, which is why a lost journal loses no letter.
pub(crate) fn delivery_key(resource: &str, mailing: &str, row_key: &str) -> Uuid {
    let resource = bare_resource_id(resource);
    // U+001F cannot stand in a resource id or a mailing's name, so no two triples give the same text.
    let name = [resource, mailing, row_key].join("\u{1f}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// The key of a letter's proof: `proof` stands for the plan and for who looks at it. U+001E cannot stand in a mailing's name either, so that no letter of any
/// mailing has this key.
pub(super) fn proof_key(resource: &str, mailing: &str, proof: Digest, row_key: &str) -> Uuid {
    let mailing = format!("{mailing}\u{1e}{proof}");
    delivery_key(resource, &mailing, row_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_change() {
        let key = delivery_key("skd-mva-varsel", "vat-2026", "2026/00001");
        assert_eq!(key.to_string(), "187f6656-2f34-572b-bba1-fecd0ff69bcf");
        assert_eq!(key.get_version_num(), 5);
    }

    #[test]
    fn every_part_counts_and_the_prefix_does_not() {
        let key = delivery_key("r", "m", "k");
        assert_eq!(key, delivery_key("urn:altinn:resource:r", "m", "k"));
        assert_ne!(key, delivery_key("r2", "m", "k"));
        assert_ne!(key, delivery_key("r", "m2", "k"));
        assert_ne!(key, delivery_key("r", "m", "k2"));
    }

    #[test]
    fn a_proof_never_has_the_key_of_a_letter() {
        let proof = Digest::sha256(b"plan and recipient");
        let key = proof_key("r", "m", proof, "k");
        assert_eq!(key.to_string(), "28b76924-8725-5850-9137-e9c7bac45f27");
        let names = ["m", &format!("m{proof}"), &proof.to_string()];
        for (mailing, row_key) in names.iter().flat_map(|name| [(*name, "k"), ("m", *name)]) {
            assert_ne!(key, delivery_key("r", mailing, row_key), "{mailing}");
        }
        assert_eq!(key, proof_key("urn:altinn:resource:r", "m", proof, "k"));
        assert_ne!(key, proof_key("r", "m", Digest::sha256(b"another"), "k"));
        assert_ne!(key, proof_key("r", "m", proof, "k2"));
    }
}
