//! A browser for tests: it keeps cookies, and sends forms with and without JavaScript.

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE, USER_AGENT,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use tower::ServiceExt;

use app::api::action_result::ActionResult;
use domain::status::UserId;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const FORM: &str = "application/x-www-form-urlencoded";

/// A browser with its own cookies.
pub struct Browser {
    /// The value of its User-Agent header.
    pub user_agent: String,
    /// The cookies of other applications on the domain, which it sends before its own.
    pub other_cookies: Vec<u8>,
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
    keeps_cookies: bool,
}

/// A response, with its body read.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Response {
    /// Returns the `Location` header.
    pub fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION).and_then(|to| to.to_str().ok())
    }

    /// Returns the `Set-Cookie` headers.
    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()).collect()
    }

    /// Returns the action result in the JSON body.
    pub fn action_result(&self) -> ActionResult {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|e| panic!("no outcome ({e}): {} {}", self.status, self.body))
    }

    /// Returns the page without the markers of Leptos and of line breaks within its text.
    fn html(&self) -> String {
        self.body.replace("<!>", "").replace("<wbr>", "")
    }

    /// Asserts that the page contains a text, as it is or escaped.
    #[track_caller]
    pub fn assert_contains(&self, message: &str) {
        let escaped = message.replace('&', "&amp;").replace('<', "&lt;");
        let text = self.html();
        assert!(
            text.contains(message) || text.contains(&escaped),
            "no {message:?} in {} {}",
            self.status,
            self.text()
        );
    }

    /// Returns the page without the nonce of its Content-Security-Policy, which is random.
    pub fn without_nonce(&self) -> String {
        let policy = self.headers.get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
        let nonce = policy.and_then(|policy| policy.split("'nonce-").nth(1)?.split('\'').next());
        nonce.map_or_else(|| self.body.clone(), |nonce| self.body.replace(nonce, "NONCE"))
    }

    /// Returns the text of the page, without tags and scripts.
    pub fn text(&self) -> String {
        let body = self.body.split("<body>").nth(1).unwrap_or(&self.body);
        let mut text = String::new();
        for part in body.split('<').skip(1) {
            let (tag, content) = part.split_once('>').unwrap_or((part, ""));
            if !tag.starts_with("script") {
                text.push_str(content);
            }
        }
        text
    }

    /// Returns the hidden fields of the first form of the page.
    pub fn hidden_fields(&self) -> Vec<(String, String)> {
        let form = self.body.split("<form").nth(1).and_then(|rest| rest.split("</form>").next());
        let attribute = |tag: &str, name: &str| {
            let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
            rest.split('"').next().map(ToOwned::to_owned)
        };
        form.expect("a form")
            .split("<input")
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
            .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
            .collect()
    }

    /// Asserts that the page does not contain a text.
    #[track_caller]
    pub fn assert_not_contains(&self, message: &str) {
        assert!(!self.html().contains(message), "{message:?} is in {}", self.body);
    }
}

impl Browser {
    /// Creates a browser without cookies.
    pub fn new(router: Router) -> Self {
        Self {
            user_agent: "test".to_owned(),
            other_cookies: Vec::new(),
            router,
            cookies: Mutex::default(),
            keeps_cookies: true,
        }
    }

    /// Returns the same browser, set to keep no cookies.
    pub fn without_cookies(self) -> Self {
        Self { keeps_cookies: false, ..self }
    }

    /// Returns a browser with the same cookies, as an attacker who has stolen them.
    pub fn copy(&self) -> Self {
        Self {
            user_agent: self.user_agent.clone(),
            other_cookies: self.other_cookies.clone(),
            router: self.router.clone(),
            cookies: Mutex::new(self.cookies.lock().unwrap().clone()),
            keeps_cookies: self.keeps_cookies,
        }
    }

    /// Returns the value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Returns the names of all cookies.
    pub fn cookie_names(&self) -> Vec<String> {
        self.cookies.lock().unwrap().keys().cloned().collect()
    }

    /// Sets or removes a cookie.
    pub fn set_cookie(&self, name: &str, value: Option<&str>) {
        let mut cookies = self.cookies.lock().unwrap();
        match value {
            Some(value) => cookies.insert(name.to_owned(), value.to_owned()),
            None => cookies.remove(name),
        };
    }

    /// Returns the Cookie header of a request.
    fn cookie_header(&self) -> Option<HeaderValue> {
        let own = self.cookies.lock().unwrap();
        let own = own.iter().map(|(name, value)| format!("{name}={value}").into_bytes());
        let all: Vec<Vec<u8>> = Some(self.other_cookies.clone())
            .filter(|other| !other.is_empty())
            .into_iter()
            .chain(own)
            .collect();
        let line = HeaderValue::from_bytes(&all.join(&b"; "[..])).unwrap();
        (!line.is_empty()).then_some(line)
    }

    /// Sends a request with the cookies of this browser, and keeps the cookies of the response.
    pub async fn send(&self, mut request: Request<Body>) -> Response {
        if let Some(line) = self.cookie_header() {
            request.headers_mut().insert(COOKIE, line);
        }
        request.headers_mut().entry(USER_AGENT).or_insert(self.user_agent.parse().unwrap());
        request.headers_mut().entry(HOST).or_insert("portal.test".parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let response = Response {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        for cookie in response.cookies().into_iter().filter(|_| self.keeps_cookies) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let removed = attributes.contains("Max-Age=0") || value.is_empty();
            self.set_cookie(name, (!removed).then_some(value));
        }
        response
    }

    /// Requests a page with GET.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).await
    }

    /// Requests a page with any method.
    pub async fn request(&self, method: Method, path: &str) -> Response {
        let request = Request::builder().method(method).uri(path).header(ACCEPT, HTML);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form as a browser without JavaScript.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.post_from(path, fields, None).await
    }

    /// Sends a form as a browser without JavaScript, from another client IP.
    pub async fn post_from(&self, path: &str, fields: &[(&str, &str)], client_ip: Option<&str>) -> Response {
        self.post_form(path, fields, HTML, client_ip).await
    }

    /// Sends a form as the form island does.
    pub async fn fetch(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.post_form(path, fields, "application/json", None).await
    }

    /// Sends a form, and sends it again from a browser that has not seen the first answer: the button has been pressed twice.
    /// Returns that browser and both answers.
    pub async fn press_twice(&self, path: &str, fields: &[(&str, &str)]) -> (Self, Response, Response) {
        let second = self.copy();
        let first = self.post(path, fields).await;
        let again = second.post(path, fields).await;
        (second, first, again)
    }

    async fn post_form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        accept: &str,
        client_ip: Option<&str>,
    ) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Request::post(path).header(ACCEPT, accept).header(CONTENT_TYPE, FORM);
        if let Some(client_ip) = client_ip {
            request = request.header("x-forwarded-for", client_ip);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Registers an account.
    pub async fn register(&self, name: &str, email: &str, password: &str) -> Response {
        let fields =
            [("username", name), ("email", email), ("password", password), ("confirm_password", password)];
        self.post("/do/register", &fields).await
    }

    /// Signs in with a password.
    pub async fn sign_in(&self, name: &str, password: &str) -> Response {
        self.post("/do/sign_in", &[("username", name), ("password", password)]).await
    }

    /// Applies an admin action to an account.
    pub async fn apply_action(&self, action: &str, id: UserId) -> Response {
        let id = id.to_string();
        self.post("/do/decide", &[("id", id.as_str()), ("decision", action), ("from", "/admin")]).await
    }

    /// Returns true if this browser is signed in.
    pub async fn is_signed_in(&self) -> bool {
        self.get("/profile").await.status == StatusCode::OK
    }
}
