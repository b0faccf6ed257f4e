//! `/signup/api/crosssign`: a cross-signing identity for a new account, whose browser has no client yet.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use reqwest::Method;
use ruma::{
    AnyKeyName, CanonicalJsonObject, SigningKeyAlgorithm, SigningKeyId,
    signatures::{KeyPair, Signature, sign_json},
};
use serde::Deserialize;
use serde_json::{Value, json};
use vodozemac::Ed25519SecretKey;

use super::{
    Shared,
    error::{ApiError, Body},
    user::{UserApi, UserError},
};
use crate::secret::Secret;

#[derive(Deserialize)]
pub(super) struct CrosssignForm {
    #[serde(default)]
    access_token: Secret,
    #[serde(default)]
    password: Option<Secret>,
}

pub(super) async fn crosssign(
    State(shared): State<Arc<Shared>>,
    body: Body<CrosssignForm>,
) -> Result<Json<Value>, ApiError> {
    let asked = body.0;
    if asked.access_token.expose().is_empty() {
        return Err(ApiError::bad("missing_fields").with("access_token is needed"));
    }
    let api = UserApi::new(shared.server.clone()).with_token(asked.access_token);
    bootstrap(&api, asked.password).await.map(Json)
}

fn refusal(error: UserError) -> ApiError {
    match error {
        UserError::Demanded { errcode, .. } if errcode.is_empty() => {
            ApiError::new(StatusCode::FORBIDDEN, "password_needed")
        }
        error => ApiError::from(error),
    }
}

async fn bootstrap(api: &UserApi, password: Option<Secret>) -> Result<Value, ApiError> {
    let me = api
        .ask(Method::GET, &["account", "whoami"], &Value::Null)
        .await
        .map_err(refusal)?;
    let (Some(user), Some(device)) = (me["user_id"].as_str(), me["device_id"].as_str()) else {
        return Err(ApiError::bad("no_device").with("the token belongs to no device"));
    };
    let keys = Keys::generate();
    let body = json!({
        "master_key": keys.public(user, "master", &keys.master, false)?,
        "self_signing_key": keys.public(user, "self_signing", &keys.self_signing, true)?,
        "user_signing_key": keys.public(user, "user_signing", &keys.user_signing, true)?,
    });
    let stage = |name: &str| match (name, &password) {
        ("m.login.password", Some(password)) => Some(json!({
            "type": name,
            "identifier": { "type": "m.id.user", "user": user },
            "user": user,
            "password": password.expose(),
        })),
        ("m.login.dummy", _) => Some(json!({ "type": name })),
        _ => None,
    };
    let path = ["keys", "device_signing", "upload"];
    api.ask_interactively(Method::POST, &path, body, stage)
        .await
        .map_err(refusal)?;
    Ok(json!({
        "device_signed": sign_device(api, user, device, &keys.self_signing).await?,
        "user_id": user,
        "device_id": device,
        "msk_public": keys.master.public_key().to_base64(),
        "ssk_public": keys.self_signing.public_key().to_base64(),
        "usk_public": keys.user_signing.public_key().to_base64(),
        "private_keys": {
            "master": seed(&keys.master),
            "self_signing": seed(&keys.self_signing),
            "user_signing": seed(&keys.user_signing),
        },
    }))
}

struct Keys {
    master: Ed25519SecretKey,
    self_signing: Ed25519SecretKey,
    user_signing: Ed25519SecretKey,
}

impl Keys {
    fn generate() -> Self {
        Self {
            master: Ed25519SecretKey::new(),
            self_signing: Ed25519SecretKey::new(),
            user_signing: Ed25519SecretKey::new(),
        }
    }

    /// A public key as it is uploaded, signed by the master key where asked.
    fn public(&self, user: &str, usage: &str, key: &Ed25519SecretKey, signed: bool) -> Result<Value, ApiError> {
        let public = key.public_key().to_base64();
        let object = json!({
            "user_id": user,
            "usage": [usage],
            "keys": { format!("ed25519:{public}"): public },
        });
        match signed {
            true => Signer(&self.master).signed(user, object),
            false => Ok(object),
        }
    }
}

fn seed(key: &Ed25519SecretKey) -> String {
    STANDARD_NO_PAD.encode(key.to_bytes().as_slice())
}

/// A key whose name is its public half.
struct Signer<'a>(&'a Ed25519SecretKey);

impl Signer<'_> {
    /// The object with this key's signature in the name of the user.
    fn signed(&self, user: &str, object: Value) -> Result<Value, ApiError> {
        let internal = |error: serde_json::Error| ApiError::internal(&error);
        let mut object = serde_json::from_value::<CanonicalJsonObject>(object).map_err(internal)?;
        sign_json(user, self, &mut object).map_err(|error| ApiError::internal(&error))?;
        serde_json::to_value(object).map_err(internal)
    }
}

impl KeyPair for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Signature {
        let name = self.0.public_key().to_base64();
        let id = SigningKeyId::from_parts(SigningKeyAlgorithm::Ed25519, <&AnyKeyName>::from(name.as_str()));
        Signature::new(id, self.0.sign(message).to_bytes().to_vec())
    }
}

/// Signs the device's own keys; `false` where it has published none yet.
async fn sign_device(api: &UserApi, user: &str, device: &str, key: &Ed25519SecretKey) -> Result<bool, ApiError> {
    let query = json!({ "device_keys": { user: [device] } });
    let known = api
        .ask(Method::POST, &["keys", "query"], &query)
        .await
        .map_err(refusal)?;
    let mut keys = known["device_keys"][user][device].clone();
    if !keys.is_object() {
        return Ok(false);
    }
    keys.as_object_mut().map(|keys| keys.remove("unsigned"));
    let upload = json!({ user: { device: Signer(key).signed(user, keys)? } });
    let answer = api
        .ask(Method::POST, &["keys", "signatures", "upload"], &upload)
        .await
        .map_err(refusal)?;
    let failed = answer["failures"]
        .as_object()
        .is_some_and(|failures| !failures.is_empty());
    Ok(!failed)
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::CanonicalJsonValue;

    use super::*;

    #[test]
    fn the_master_key_signs_the_others_and_nothing_is_padded() {
        let keys = Keys::generate();
        let object = keys
            .public("@bob:hs", "self_signing", &keys.self_signing, true)
            .unwrap();
        let key_id = format!("ed25519:{}", keys.master.public_key().to_base64());
        let signed = object["signatures"]["@bob:hs"][&key_id].as_str().unwrap();
        let signature = vodozemac::Ed25519Signature::from_base64(signed).unwrap();
        let mut plain = object.clone();
        plain.as_object_mut().unwrap().remove("signatures");
        let canonical = CanonicalJsonValue::try_from(plain).unwrap().to_string();
        keys.master
            .public_key()
            .verify(canonical.as_bytes(), &signature)
            .unwrap();
        assert!(!object.to_string().contains('='));
        assert_eq!(seed(&keys.master).len(), 43);
    }
}
