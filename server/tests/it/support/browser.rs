//! Somebody's browser: keeps cookies, sends forms with and without scripts.

use std::collections::BTreeMap;
use std::sync::Mutex;

use app::domain::answer::Outcome;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE, USER_AGENT,
};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use tower::ServiceExt;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const FORM: &str = "application/x-www-form-urlencoded";

/// A browser.
pub struct Browser {
    /// What it says it is.
    pub agent: String,
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    /// Where it leads.
    pub fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION).and_then(|to| to.to_str().ok())
    }

    /// The cookies it sets, name and all.
    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()).collect()
    }

    /// The answer to a script.
    pub fn outcome(&self) -> Outcome {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|e| panic!("no outcome ({e}): {} {}", self.status, self.body))
    }

    /// The page without what only parts its words.
    fn words(&self) -> String {
        self.body.replace("<!>", "").replace("<wbr>", "")
    }

    /// Checks that the page says this.
    #[track_caller]
    pub fn says(&self, words: &str) {
        let escaped = words.replace('&', "&amp;").replace('<', "&lt;");
        let text = self.words();
        assert!(
            text.contains(words) || text.contains(&escaped),
            "no {words:?} in {} {}",
            self.status,
            self.text()
        );
    }

    /// The whole page, without the nonce of its Content-Security-Policy, which is random.
    pub fn without_nonce(&self) -> String {
        let policy = self.headers.get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
        let nonce = policy.and_then(|policy| policy.split("'nonce-").nth(1)?.split('\'').next());
        nonce.map_or_else(|| self.body.clone(), |nonce| self.body.replace(nonce, "NONCE"))
    }

    /// What people read of the page: its text, without tags and scripts.
    pub fn text(&self) -> String {
        let body = self.body.split("<body>").nth(1).unwrap_or(&self.body);
        let mut text = String::new();
        for part in body.split('<').skip(1) {
            let (tag, words) = part.split_once('>').unwrap_or((part, ""));
            if !tag.starts_with("script") {
                text.push_str(words);
            }
        }
        text
    }

    /// Checks that the page does not say this.
    #[track_caller]
    pub fn does_not_say(&self, words: &str) {
        assert!(!self.words().contains(words), "{words:?} is in {}", self.body);
    }
}

impl Browser {
    /// A browser without cookies.
    pub fn new(router: Router) -> Self {
        Self { agent: "test".to_owned(), router, cookies: Mutex::default() }
    }

    /// A copy of this browser, as a thief of its cookies has it.
    pub fn copy(&self) -> Self {
        Self {
            agent: self.agent.clone(),
            router: self.router.clone(),
            cookies: Mutex::new(self.cookies.lock().unwrap().clone()),
        }
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Sets or removes a cookie.
    pub fn set_cookie(&self, name: &str, value: Option<&str>) {
        let mut cookies = self.cookies.lock().unwrap();
        match value {
            Some(value) => cookies.insert(name.to_owned(), value.to_owned()),
            None => cookies.remove(name),
        };
    }

    /// Sends any request with this browser's cookies.
    pub async fn send(&self, mut request: Request<Body>) -> Reply {
        let jar = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect::<Vec<_>>()
            .join("; ");
        if !jar.is_empty() {
            request.headers_mut().insert(COOKIE, jar.parse().unwrap());
        }
        request.headers_mut().entry(USER_AGENT).or_insert(self.agent.parse().unwrap());
        request.headers_mut().entry(HOST).or_insert("portal.test".parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let reply = Reply {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        for cookie in reply.cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let gone = attributes.contains("Max-Age=0") || value.is_empty();
            self.set_cookie(name, (!gone).then_some(value));
        }
        reply
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path).await
    }

    /// Asks for a page with any method.
    pub async fn ask(&self, method: Method, path: &str) -> Reply {
        let request = Request::builder().method(method).uri(path).header(ACCEPT, HTML);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a plain form.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_from(path, fields, None).await
    }

    /// Sends a plain form from another address.
    pub async fn post_from(&self, path: &str, fields: &[(&str, &str)], source: Option<&str>) -> Reply {
        self.form(path, fields, HTML, source).await
    }

    /// Sends a form as our scripts do.
    pub async fn script(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.form(path, fields, "application/json", None).await
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)], accept: &str, source: Option<&str>) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Request::post(path).header(ACCEPT, accept).header(CONTENT_TYPE, FORM);
        if let Some(source) = source {
            request = request.header("x-forwarded-for", source);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Registers.
    pub async fn register(&self, name: &str, email: &str, password: &str) -> Reply {
        let fields =
            [("username", name), ("email", email), ("password", password), ("confirm_password", password)];
        self.post("/do/register", &fields).await
    }

    /// Signs in.
    pub async fn sign_in(&self, name: &str, password: &str) -> Reply {
        self.post("/do/sign_in", &[("username", name), ("password", password)]).await
    }

    /// Decides about somebody.
    pub async fn decide(&self, decision: &str, id: i32) -> Reply {
        let id = id.to_string();
        self.post("/do/decide", &[("id", id.as_str()), ("decision", decision), ("from", "/admin")]).await
    }

    /// Whether this browser is signed in.
    pub async fn is_signed_in(&self) -> bool {
        self.get("/profile").await.status == StatusCode::OK
    }
}
