//! What the identity provider says of itself: its addresses, its issuer, its keys.
//!
//! Guarantees: every address in the document is https, or on this machine where the document itself is; an issuer names a tenant, or has the place
//! for one. The document is read here and not by `openidconnect`, which wants the issuer to be the document's own
//! address: for several tenants Microsoft writes `{tenantid}` there.

use std::collections::HashMap;

use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;
use url::Url;

use super::http_client::{CallError, HttpClient, is_guarded, is_loopback};

/// Where Microsoft writes the tenant in the issuer of a document that is for several.
const TENANT_PLACE: &str = "{tenantid}";

/// The document (OpenID Connect Discovery 1.0, section 3), as far as it is used.
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    end_session_endpoint: Option<Url>,
}

/// The provider's addresses.
#[derive(Debug)]
pub struct Metadata {
    /// Who signs.
    pub issuer: Issuer,
    /// Where people sign in.
    pub authorization: Url,
    /// Where a code becomes tokens.
    pub token: Url,
    /// Where its keys are.
    pub keys: Url,
    /// Where people sign out, if it has such a place (RP-Initiated Logout 1.0).
    pub end_session: Option<Url>,
}

impl Metadata {
    /// Reads the document of `authority` (`https://login.microsoftonline.com/{tenant}`).
    ///
    /// # Errors
    /// When it cannot be had, or names an address that is not to be used.
    pub async fn fetch(http: &HttpClient, authority: &Url) -> Result<Self, CallError> {
        Self::of(http.get_json(&document_address(authority), None).await?, is_loopback(authority))
    }

    fn of(document: Document, here: bool) -> Result<Self, CallError> {
        // The secret goes to the token endpoint: a document from elsewhere must not have us post it to a neighbour of ours.
        let is_right = |url: &Url| is_guarded(url) && (here || url.scheme() == "https");
        let addresses = [&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri];
        let bad = addresses.into_iter().chain(&document.end_session_endpoint).find(|url| !is_right(url));
        if let Some(bad) = bad {
            return Err(CallError(format!("names {bad}, which is not https")));
        }
        let issuer = Issuer(document.issuer);
        if !issuer.names_tenant() {
            return Err(CallError("its issuer names no tenant".to_owned()));
        }
        Ok(Self {
            issuer,
            authorization: document.authorization_endpoint,
            token: document.token_endpoint,
            keys: document.jwks_uri,
            end_session: document.end_session_endpoint,
        })
    }
}

/// `{authority}/v2.0/.well-known/openid-configuration` (Microsoft identity platform, "OpenID Connect on the Microsoft
/// identity platform").
fn document_address(authority: &Url) -> Url {
    let mut url = authority.clone();
    let path = url.path().trim_end_matches('/').trim_end_matches("/v2.0").to_owned();
    url.set_path(&format!("{path}/v2.0/.well-known/openid-configuration"));
    url
}

/// The issuer of a document or of a key: of one tenant, or with a place for the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(pub String);

impl Issuer {
    fn names_tenant(&self) -> bool {
        self.0.split('/').any(|part| part == TENANT_PLACE || parse_guid(part).is_some())
    }

    /// Whether it is `issuer`, as the provider writes it for the tenant `tid`.
    pub fn is(&self, issuer: &str, tid: &str) -> bool {
        let is_tenants = issuer.split('/').any(|part| part.eq_ignore_ascii_case(tid));
        is_tenants && self.0.replace(TENANT_PLACE, tid) == issuer
    }

    /// Whether it is the issuer of several tenants.
    pub fn is_shared(&self) -> bool {
        self.0.contains(TENANT_PLACE)
    }

    /// The issuer as it is written, perhaps with the place for the tenant.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The keys with which the provider signs.
#[derive(Debug)]
pub struct SigningKeys {
    /// The keys that `openidconnect` understands; the others are left out.
    pub set: CoreJsonWebKeySet,
    issuers: HashMap<String, Issuer>,
}

impl SigningKeys {
    /// Fetches the keys (RFC 7517).
    ///
    /// # Errors
    /// When they cannot be had.
    pub async fn fetch(http: &HttpClient, address: &Url) -> Result<Self, CallError> {
        Self::of(http.get_json(address, None).await?)
    }

    /// Reads the set of keys.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(document: serde_json::Value) -> Result<Self, CallError> {
        let mut issuers = HashMap::new();
        for key in document.get("keys").and_then(serde_json::Value::as_array).into_iter().flatten() {
            let text = |name| key.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
            if let (Some(id), Some(issuer)) = (text("kid"), text("issuer")) {
                issuers.insert(id, Issuer(issuer));
            }
        }
        let set = serde_json::from_value(document)
            .map_err(|_| CallError("answered with something else than keys".to_owned()))?;
        Ok(Self { set, issuers })
    }

    /// Whether the key `id` may sign for `issuer` and the tenant `tid`. With documents for several tenants Microsoft
    /// tells of each key whose it is ("Access tokens in the Microsoft identity platform", on the issuer of the signing
    /// key): the key of one tenant must not vouch for another.
    pub fn may_sign(&self, id: &str, issuer: &str, tid: &str) -> bool {
        self.issuers.get(id).is_none_or(|of_key| of_key.is(issuer, tid))
    }
}

/// A GUID in lower case (RFC 9562, section 4); `None` for anything else.
pub fn parse_guid(text: &str) -> Option<String> {
    let mut parts = text.split('-');
    let fits = [8, 4, 4, 4, 12].into_iter().all(|length| {
        parts.next().is_some_and(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    (fits && parts.next().is_none()).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";

    fn document(changed: &serde_json::Value, here: bool) -> Result<Metadata, CallError> {
        let mut document = json!({
            "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
            "authorization_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
            "token_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "jwks_uri": "https://login.microsoftonline.com/common/discovery/v2.0/keys",
            "end_session_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/logout",
        });
        for (name, value) in changed.as_object().into_iter().flatten() {
            document[name] = value.clone();
        }
        Metadata::of(serde_json::from_value(document).expect("is one"), here)
    }

    #[test]
    fn every_address_in_the_document_is_guarded() {
        assert!(document(&json!({}), false).is_ok());
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"] {
            assert!(document(&json!({ name: "http://10.0.0.1/x" }), true).is_err(), "{name}");
            assert!(document(&json!({ name: "http://127.0.0.1/x" }), true).is_ok(), "{name}");
            assert!(document(&json!({ name: "http://127.0.0.1/x" }), false).is_err(), "{name}");
        }
        assert!(document(&json!({ "issuer": "https://login.example.org/v2.0" }), false).is_err());
    }

    #[test]
    fn the_document_lies_below_the_authority() {
        for authority in [
            "https://login.microsoftonline.com/common",
            "https://login.microsoftonline.com/common/",
            "https://login.microsoftonline.com/common/v2.0",
        ] {
            assert_eq!(
                document_address(&Url::parse(authority).expect("parses")).as_str(),
                "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
            );
        }
    }

    #[test]
    fn an_issuer_is_that_of_the_tenant() {
        let other = "99999999-2222-3333-4444-555555555555";
        let of = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        for template in [of(TENANT_PLACE), of(TENANT)] {
            let template = Issuer(template);
            assert!(template.is(&of(TENANT), TENANT));
            assert!(!template.is(&of(TENANT), other));
            assert!(!template.is(&of(other), TENANT));
            assert!(!template.is(&of(TENANT_PLACE), TENANT));
        }
        assert!(!Issuer(of(TENANT)).is(&of(other), other));
    }

    #[test]
    fn a_guid_has_five_groups_of_hexadecimal_digits() {
        assert_eq!(parse_guid(&TENANT.replace('1', "A")), Some(TENANT.replace('1', "a")));
        for text in
            ["", "common", "11111111-2222-3333-4444-55555555555", "11111111-2222-3333-4444-55555555555g"]
        {
            assert_eq!(parse_guid(text), None, "{text}");
        }
        assert_eq!(parse_guid(&format!("{TENANT}-")), None);
    }
}
