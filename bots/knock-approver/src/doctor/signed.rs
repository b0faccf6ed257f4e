//! Whether one key of a user vouches for another, by the signature itself.

use matrix_sdk::ruma::{CanonicalJsonObject, SigningKeyAlgorithm, UserId, serde::Base64};
use ruma::signatures::{to_canonical_json_string_for_signing, verify_canonical_json_bytes};
use serde_json::Value;

/// The first key of a cross-signing key object: `("ed25519:KEY", "KEY")`.
pub(super) fn key_of(object: &Value) -> Option<(&str, &str)> {
    object["keys"]
        .as_object()?
        .iter()
        .find_map(|(id, key)| Some((id.as_str(), key.as_str()?)))
}

/// Whether `object` carries a signature by the key of `signer` that really is one.
///
/// `signer` is a cross-signing key object as `/keys/query` hands it out (Matrix specification, client-server API, "Cross-signing").
pub(super) fn is_signed_by(object: &Value, user: &UserId, signer: &Value) -> bool {
    let verified = || {
        let (id, key) = key_of(signer)?;
        let signature = object["signatures"][user.as_str()].get(id)?.as_str()?;
        let (key, signature): (Base64, Base64) = (Base64::parse(key).ok()?, Base64::parse(signature).ok()?);
        let object: CanonicalJsonObject = serde_json::from_value(object.clone()).ok()?;
        let signed = to_canonical_json_string_for_signing(&object).ok()?;
        verify_canonical_json_bytes(
            &SigningKeyAlgorithm::Ed25519,
            key.as_bytes(),
            signature.as_bytes(),
            signed.as_bytes(),
        )
        .ok()
    };
    verified().is_some()
}
