//! Tests that every text is checked before it reaches a query. PostgreSQL refuses NUL characters, so a text that is not checked
//! would be an internal error there.

use std::collections::BTreeSet;
use std::path::Path;

use axum::http::StatusCode;

use crate::support::TestPortal;
use app::api::action_result::ActionResult;
use app::pages::PAGES;
use domain::errors::ErrorCode;

/// Texts that a query or a parser could stumble over.
const TEXTS: [&str; 6] =
    ["\0", "7\0", "0123456789abcdef0123456789abcde\0", "\u{feff}\u{10ffff}", "'\\%_", "99999999999999999999"];

/// Returns every text between `start` and the next `end` in the sources of a folder of `app`.
fn names_in_sources(folder: &str, start: &str, end: char) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/src").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(path).expect("a source file");
            let found = source.split(start).skip(1).filter_map(|rest| rest.split(end).next());
            names.extend(found.map(ToOwned::to_owned));
        }
    }
    names
}

#[tokio::test]
async fn no_text_in_a_field_is_an_internal_error() {
    let portal = TestPortal::start().await;
    let fields = names_in_sources("api", "#[server(default)] ", ':');
    for known in ["username", "handle", "token", "id", "decision", "next", "email"] {
        assert!(fields.contains(known), "{fields:?}");
    }
    let actions = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path);
    let actions: Vec<&str> =
        actions.filter(|path| path.starts_with("/do/") && !path.ends_with("sign_out")).collect();
    assert!(actions.len() > 20, "{actions:?}");
    for (number, text) in TEXTS.into_iter().enumerate() {
        // A new account for each text, whose attempts are not used up.
        let admin = portal.create_admin(&format!("grace{number}")).await;
        for action in &actions {
            // The only field that is a list has this name in the form of its action, and no other form may have it.
            let name = |field| match field {
                "people" => (*action == "/do/decide_many").then_some("people[]"),
                field => Some(field),
            };
            let form: Vec<(&str, &str)> =
                fields.iter().filter_map(|field| Some((name(field.as_str())?, text))).collect();
            let response = admin.fetch(action, &form).await;
            assert_eq!(response.status, StatusCode::OK, "{action} {text:?}: {}", response.body);
            if let ActionResult::Refused(errors) = response.action_result() {
                assert!(!matches!(errors.form, Some(ErrorCode::TooManyAttempts(_))), "{action} {text:?}");
            }
        }
        assert!(admin.is_signed_in().await);
    }
}

#[tokio::test]
async fn no_text_in_a_query_parameter_is_an_internal_error() {
    let portal = TestPortal::start().await;
    let (visitor, admin) = (portal.browser(), portal.create_admin("grace").await);
    let mut parameters = names_in_sources("pages", "query(\"", '"');
    parameters.extend(names_in_sources("pages", "list_cursor(\"", '"'));
    for known in ["next", "after", "waiting", "before"] {
        assert!(parameters.contains(known), "{parameters:?}");
    }
    for text in TEXTS {
        let pairs = parameters.iter().map(|parameter| (parameter, text));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        for page in PAGES {
            let path = page.path.replace(":token", "x").replace(":id", "7").replace(":decision", "approve");
            for browser in [&visitor, &admin] {
                let response = browser.get(&format!("{path}?{query}")).await;
                assert!(!response.status.is_server_error(), "{path} {text:?}: {}", response.status);
            }
        }
    }
}
