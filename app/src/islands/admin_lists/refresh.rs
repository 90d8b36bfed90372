//! The replacement of the lists by those of the page as the server renders it now.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomParser, Element, FocusOptions, HtmlElement, Response, SupportedType};

use crate::islands::admin_lists::dom::{all, attribute, closest, find, find_in};
use crate::islands::admin_lists::{expiry, selection};
use crate::islands::api_client::{post, read_text};
use crate::islands::relative_time::show_relative_times;
use domain::errors::ErrorCode;

/// Fetches a page of the portal. Returns `None` if the portal answers with anything else, or with another page.
pub(super) async fn fetch_page(url: &str) -> Option<Element> {
    let response = JsFuture::from(window().fetch_with_str(url)).await.ok()?.unchecked_into::<Response>();
    if response.redirected() || !response.ok() { None } else { read_page(&response).await }
}

/// Sends a form and returns the page that the portal then shows, or an error if the portal cannot be reached. Returns `None` if
/// the browser goes to another page.
pub(super) async fn send_for_page(path: &str, body: &str) -> Result<Option<Element>, ErrorCode> {
    let headers = [("Accept", "text/html"), ("X-Shows-Flash", "/admin")];
    let response = post(path, body, &headers).await.map_err(|_| ErrorCode::Unreachable)?;
    let page = read_page(&response).await.ok_or(ErrorCode::Unreachable)?;
    if find_in(&page, "#queue").is_some() {
        return Ok(Some(page));
    }
    if !response.redirected() {
        return Err(ErrorCode::Unreachable);
    }
    let _ = window().location().assign(&response.url());
    Ok(None)
}

async fn read_page(response: &Response) -> Option<Element> {
    let html = read_text(response).await?;
    DomParser::new().ok()?.parse_from_string(&html, SupportedType::TextHtml).ok()?.document_element()
}

/// Fetches this page again and replaces its lists, unless `is_outdated` says meanwhile that they have changed again.
pub(super) async fn refresh(is_outdated: impl Fn() -> bool) {
    let Ok(url) = window().location().href() else { return };
    let Some(page) = fetch_page(&url).await else { return };
    if !is_outdated() {
        replace_lists(&page);
    }
}

/// Replaces the lists by those of `page`.
pub(super) fn replace_lists(page: &Element) {
    let place = Place::of_focus();
    let (selected, open_menus) = (selection::selected(), open_menus());
    for old in all("[data-live]") {
        if let Some(new) = find_in(page, &format!("#{}", old.id())) {
            let _ = old.replace_with_with_node_1(&new);
        }
    }
    selection::select(&selected);
    for menu in open_menus.iter().filter_map(|menu| find(menu)) {
        let _ = menu.set_attribute("open", "");
    }
    show_relative_times();
    expiry::start_timers();
    place.restore_focus();
}

/// Returns the selectors of the menus that are open. Without them, the replacement of a list would close a menu under the pointer.
fn open_menus() -> Vec<String> {
    let rows = all("tr[data-row]:has(details[open])");
    let selector = |row: &Element| {
        let section = closest(row, "section")?;
        Some(format!("#{} tr[data-row='{}'] details", section.id(), attribute(row, "data-row")))
    };
    rows.iter().filter_map(selector).collect()
}

/// The place of the keyboard focus: the row of a list, which the replacement of the list may remove.
#[derive(Default)]
struct Place {
    list: String,
    row: String,
    index: usize,
    /// True if the focus is on the menu of the row.
    is_menu: bool,
}

impl Place {
    fn of_focus() -> Self {
        let find = || {
            let active = document().active_element()?;
            let row = closest(&active, "tr[data-row]")?;
            let list = format!("#{}", closest(&row, "section")?.id());
            let index = all(&format!("{list} tr[data-row]")).iter().position(|other| *other == row)?;
            let is_menu = active.tag_name() == "SUMMARY";
            Some(Self { list, row: attribute(&row, "data-row"), index, is_menu })
        };
        find().unwrap_or_default()
    }

    /// Restores the focus if it has been lost: to the same row or its menu, the row that has taken its place, or the
    /// heading of the queue.
    fn restore_focus(&self) {
        if document().active_element().is_some_and(|active| active.tag_name() != "BODY") {
            return;
        }
        let rows =
            if self.list.is_empty() { Vec::new() } else { all(&format!("{} tr[data-row]", self.list)) };
        let same = rows.iter().find(|row| attribute(row, "data-row") == self.row);
        let near = || rows.get(self.index.min(rows.len().saturating_sub(1)));
        let menu = same.filter(|_| self.is_menu).and_then(|row| find_in(row, "summary"));
        let first = || find_in(same.or_else(near)?, "input, a");
        let to = menu.or_else(first).or_else(|| find("#waiting-title"));
        if let Some(to) = to {
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            let _ = to.unchecked_ref::<HtmlElement>().focus_with_options(&options);
        }
    }
}
