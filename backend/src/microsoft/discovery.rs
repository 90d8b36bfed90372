//! OpenID Connect discovery: the provider's endpoints, issuer and signing keys.
//!
//! The document is read here and not by `openidconnect`, which requires the issuer to be the document's own URL. In a document
//! for several tenants, Microsoft's issuer contains the placeholder `{tenantid}`.
//!
//! # Guarantees
//!
//! - Every URL in the document is https, or http on loopback if the document itself is on loopback.
//! - An issuer contains a tenant id or the placeholder for one.

use std::collections::HashMap;

use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;
use url::Url;

use crate::microsoft::http_client::{HttpClient, HttpError, is_loopback, is_secure_url};

/// The placeholder for the tenant id in the issuer of a document for several tenants.
const TENANT_PLACEHOLDER: &str = "{tenantid}";

/// The discovery document (OpenID Connect Discovery 1.0, section 3), as far as it is used.
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    end_session_endpoint: Option<Url>,
}

/// The provider's issuer and endpoints.
#[derive(Debug)]
pub struct Metadata {
    /// The issuer of its ID tokens.
    pub issuer: Issuer,
    /// The URL to sign in at.
    pub authorization_endpoint: Url,
    /// The URL that exchanges a code for tokens.
    pub token_endpoint: Url,
    /// The URL of the signing keys.
    pub jwks_uri: Url,
    /// The URL to sign out at, if there is one (RP-Initiated Logout 1.0).
    pub end_session_endpoint: Option<Url>,
}

impl Metadata {
    /// Fetches the document of `authority` (`https://login.microsoftonline.com/{tenant}`).
    ///
    /// # Errors
    ///
    /// Fails if the document cannot be fetched or contains a URL that is not allowed.
    pub async fn fetch(http: &HttpClient, authority: &Url) -> Result<Self, HttpError> {
        Self::validate(http.get_json(&discovery_url(authority), None).await?, is_loopback(authority))
    }

    fn validate(document: Document, on_loopback: bool) -> Result<Self, HttpError> {
        // The client secret is sent to the token endpoint: a remote document must not direct it to a service on this machine.
        let is_allowed = |url: &Url| is_secure_url(url) && (on_loopback || url.scheme() == "https");
        let endpoints = [&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri];
        let bad = endpoints.into_iter().chain(&document.end_session_endpoint).find(|url| !is_allowed(url));
        if let Some(bad) = bad {
            return Err(HttpError(format!("it contains {bad}, which does not use https")));
        }
        let issuer = Issuer(document.issuer);
        if !issuer.names_tenant() {
            return Err(HttpError("its issuer contains no tenant ID".to_owned()));
        }
        Ok(Self {
            issuer,
            authorization_endpoint: document.authorization_endpoint,
            token_endpoint: document.token_endpoint,
            jwks_uri: document.jwks_uri,
            end_session_endpoint: document.end_session_endpoint,
        })
    }
}

/// Returns `{authority}/v2.0/.well-known/openid-configuration` (see "OpenID Connect on the Microsoft identity platform").
fn discovery_url(authority: &Url) -> Url {
    let mut url = authority.clone();
    let path = url.path().trim_end_matches('/').trim_end_matches("/v2.0").to_owned();
    url.set_path(&format!("{path}/v2.0/.well-known/openid-configuration"));
    url
}

/// The issuer of a document or of a key: of one tenant, or with a placeholder for the tenant id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(pub String);

impl Issuer {
    fn names_tenant(&self) -> bool {
        self.0.split('/').any(|part| part == TENANT_PLACEHOLDER || parse_guid(part).is_some())
    }

    /// Returns true if `issuer` is this issuer for the tenant `tid`.
    pub fn matches(&self, issuer: &str, tid: &str) -> bool {
        let names_tid = issuer.split('/').any(|part| part.eq_ignore_ascii_case(tid));
        names_tid && self.0.replace(TENANT_PLACEHOLDER, tid) == issuer
    }

    /// Returns true if it is the issuer of several tenants.
    pub fn is_multi_tenant(&self) -> bool {
        self.0.contains(TENANT_PLACEHOLDER)
    }

    /// Returns the issuer as it is written, possibly with the placeholder for the tenant id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The provider's signing keys.
#[derive(Debug)]
pub struct SigningKeys {
    /// The keys that `openidconnect` supports. It leaves the others out.
    pub set: CoreJsonWebKeySet,
    issuers: HashMap<String, Issuer>,
}

impl SigningKeys {
    /// Fetches the keys (RFC 7517).
    ///
    /// # Errors
    ///
    /// Fails if the keys cannot be fetched.
    pub async fn fetch(http: &HttpClient, url: &Url) -> Result<Self, HttpError> {
        Self::parse(http.get_json(url, None).await?)
    }

    /// Parses a set of keys.
    ///
    /// # Errors
    ///
    /// Fails if the document is not a set of keys.
    pub fn parse(document: serde_json::Value) -> Result<Self, HttpError> {
        let mut issuers = HashMap::new();
        for key in document.get("keys").and_then(serde_json::Value::as_array).into_iter().flatten() {
            let text = |name| key.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
            if let (Some(id), Some(issuer)) = (text("kid"), text("issuer")) {
                issuers.insert(id, Issuer(issuer));
            }
        }
        let set = serde_json::from_value(document)
            .map_err(|_| HttpError("the response contains no valid keys".to_owned()))?;
        Ok(Self { set, issuers })
    }

    /// Returns true if the key `id` may sign for `issuer` and the tenant `tid`. In a document for several tenants, Microsoft
    /// gives the issuer of each key ("Access tokens in the Microsoft identity platform", on the issuer of the signing key). The
    /// key of one tenant must not sign for another tenant.
    pub fn may_sign(&self, id: &str, issuer: &str, tid: &str) -> bool {
        self.issuers.get(id).is_none_or(|key_issuer| key_issuer.matches(issuer, tid))
    }
}

/// Parses a GUID (RFC 9562, section 4). Returns it in lower case, or `None` for any other text.
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

    fn parse_document(changes: &serde_json::Value, on_loopback: bool) -> Result<Metadata, HttpError> {
        let mut document = json!({
            "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
            "authorization_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
            "token_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "jwks_uri": "https://login.microsoftonline.com/common/discovery/v2.0/keys",
            "end_session_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/logout",
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            document[name] = value.clone();
        }
        Metadata::validate(serde_json::from_value(document).expect("is one"), on_loopback)
    }

    #[test]
    fn every_url_in_the_document_is_https_or_on_loopback() {
        assert!(parse_document(&json!({}), false).is_ok());
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"] {
            assert!(parse_document(&json!({ name: "http://10.0.0.1/x" }), true).is_err(), "{name}");
            assert!(parse_document(&json!({ name: "http://127.0.0.1/x" }), true).is_ok(), "{name}");
            assert!(parse_document(&json!({ name: "http://127.0.0.1/x" }), false).is_err(), "{name}");
        }
        assert!(parse_document(&json!({ "issuer": "https://login.example.org/v2.0" }), false).is_err());
    }

    #[test]
    fn the_discovery_url_is_below_the_authority() {
        for authority in [
            "https://login.microsoftonline.com/common",
            "https://login.microsoftonline.com/common/",
            "https://login.microsoftonline.com/common/v2.0",
        ] {
            assert_eq!(
                discovery_url(&Url::parse(authority).expect("parses")).as_str(),
                "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
            );
        }
    }

    #[test]
    fn an_issuer_matches_only_its_own_tenant() {
        let other = "99999999-2222-3333-4444-555555555555";
        let issuer_of = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        for template in [issuer_of(TENANT_PLACEHOLDER), issuer_of(TENANT)] {
            let template = Issuer(template);
            assert!(template.matches(&issuer_of(TENANT), TENANT));
            assert!(!template.matches(&issuer_of(TENANT), other));
            assert!(!template.matches(&issuer_of(other), TENANT));
            assert!(!template.matches(&issuer_of(TENANT_PLACEHOLDER), TENANT));
        }
        assert!(!Issuer(issuer_of(TENANT)).matches(&issuer_of(other), other));
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
