//! Tests that every text is checked before it reaches a query. PostgreSQL refuses NUL characters, so a text that is not checked
//! would be an internal error there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::http::StatusCode;
use leptos::server_fn::axum::server_fn_paths;

use crate::support::{Browser, TestPortal};
use app::api::action_result::ActionResult;
use app::pages::PAGES;
use domain::errors::ErrorCode;

/// Texts that a query or a parser could stumble over.
const TEXTS: [&str; 6] =
    ["\0", "7\0", "0123456789abcdef0123456789abcde\0", "\u{feff}\u{10ffff}", "'\\%_", "99999999999999999999"];

/// Returns the Rust sources of a folder of `app`.
fn sources(folder: &str) -> Vec<String> {
    let mut sources = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/src").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push(std::fs::read_to_string(path).expect("a source file"));
            }
        }
    }
    sources
}

/// Returns every text between `start` and the next `end`.
fn texts_between<'a>(text: &'a str, start: &str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split(end).next())
}

/// Returns every text between `start` and the next `end` in the sources of a folder of `app`.
fn names_in_sources(folder: &str, start: &str, end: char) -> BTreeSet<String> {
    let sources = sources(folder);
    sources.iter().flat_map(|source| texts_between(source, start, end)).map(ToOwned::to_owned).collect()
}

/// Returns the paths of the actions with their fields.
fn actions() -> BTreeMap<String, Vec<String>> {
    let mut actions = BTreeMap::new();
    for source in sources("api") {
        for declaration in source.split("endpoint = \"").skip(1) {
            let (name, rest) = declaration.split_once('"').expect("the name ends");
            let arguments = rest.split("Result<ActionResult").next().unwrap_or_default();
            let fields = texts_between(arguments, "#[server(default)] ", ':');
            // The only field that is a list has this name in the form of its action, and no other form may have it.
            let name_in_form = |field| if field == "people" { "people[]" } else { field };
            actions.insert(
                format!("/do/{name}"),
                fields.map(|field| name_in_form(field).to_owned()).collect::<Vec<_>>(),
            );
        }
    }
    let registered: BTreeSet<&str> =
        server_fn_paths().map(|(path, _)| path).filter(|path| path.starts_with("/do/")).collect();
    let found: BTreeSet<&str> = actions.keys().map(String::as_str).collect();
    assert_eq!(found, registered, "the sources declare the registered actions");
    actions
}

/// Sends a form as an administrator, and expects an answer that is not an internal error.
async fn is_answered(admin: &Browser, action: &str, form: &[(&str, &str)]) {
    let response = admin.fetch(action, form).await;
    assert_eq!(response.status, StatusCode::OK, "{action} {form:?}: {}", response.body);
    if let ActionResult::Refused(errors) = response.action_result() {
        assert!(!matches!(errors.form, Some(ErrorCode::TooManyAttempts(_))), "{action} {form:?}");
    }
}

#[tokio::test]
async fn no_text_in_a_field_is_an_internal_error() {
    let portal = TestPortal::start().await;
    let actions = actions();
    let fields: BTreeSet<&str> = actions.values().flatten().map(String::as_str).collect();
    for known in ["username", "handle", "token", "id", "decision", "next", "email"] {
        assert!(fields.contains(known), "{fields:?}");
    }
    for (number, text) in TEXTS.into_iter().enumerate() {
        // A new account for each text, whose attempts are not used up.
        let admin = portal.create_admin(&format!("grace{number}")).await;
        for action in actions.keys().filter(|action| *action != "/do/sign_out") {
            let only_here = |field: &&&str| **field != "people[]" || action == "/do/decide_many";
            let form: Vec<(&str, &str)> =
                fields.iter().filter(only_here).map(|field| (*field, text)).collect();
            is_answered(&admin, action, &form).await;
        }
        assert!(admin.is_signed_in().await);
    }
}

#[tokio::test]
async fn no_text_in_a_single_field_is_an_internal_error() {
    let portal = TestPortal::start().await;
    for (number, text) in ["\0", "7\0"].into_iter().enumerate() {
        for (action, fields) in actions() {
            let name = format!("grace{number}{}", action.trim_start_matches("/do/").replace('_', "."));
            let admin = portal.create_admin(&name).await;
            for field in &fields {
                is_answered(&admin, &action, &[(field, text)]).await;
            }
        }
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
