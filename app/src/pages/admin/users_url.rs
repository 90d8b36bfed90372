//! The URL of `/admin`: the filter of the approval queue and the positions of the two lists.

use std::fmt;

use crate::http::escape;
use crate::pages::page_request::query;
use backend::admin::queue::parse_filter;
use domain::decision::QueueFilter;

/// The maximum length of a cursor in characters. It exceeds the length of every name, including imported names.
const MAX_CURSOR_LENGTH: usize = 128;

/// The URL of the page with the lists of users.
#[derive(Clone, Debug, Default)]
pub struct UsersUrl {
    /// The filter of the queue.
    pub filter: Option<QueueFilter>,
    /// The position at which the page of the queue begins.
    pub pending_after: Option<String>,
    /// The username after which the list of all accounts begins.
    pub users_after: Option<String>,
}

impl UsersUrl {
    /// Reads the URL of the current request.
    pub fn read() -> Self {
        let typed = [query("domain"), query("ip"), query("filter")];
        let filter = typed.into_iter().flatten().find_map(|typed| parse_filter(&typed));
        Self { filter, pending_after: list_cursor("waiting"), users_after: list_cursor("after") }
    }

    /// Returns the URL of the queue with this filter.
    pub fn of(filter: QueueFilter) -> Self {
        Self { filter: Some(filter), ..Self::default() }
    }

    /// Returns the URL of the queue's page after this cursor.
    pub fn with_pending_after(&self, cursor: &str) -> String {
        let next = Self { pending_after: Some(cursor.to_owned()), ..self.clone() };
        format!("{next}#waiting")
    }

    /// Returns the URL of the page of all accounts after this cursor.
    pub fn with_users_after(&self, cursor: &str) -> String {
        let next = Self { users_after: Some(cursor.to_owned()), ..self.clone() };
        format!("{next}#people")
    }

    /// Returns the URL without the filter of the queue.
    pub fn without_filter(&self) -> String {
        Self { users_after: self.users_after.clone(), ..Self::default() }.to_string()
    }

    /// Returns the filter as text, or an empty text.
    pub fn filter_text(&self) -> String {
        match &self.filter {
            Some(QueueFilter::Domain(text) | QueueFilter::ClientIp(text)) => text.clone(),
            None => String::new(),
        }
    }
}

/// Returns a list cursor from the query string, truncated, because each row repeats it.
fn list_cursor(parameter: &str) -> Option<String> {
    query(parameter).map(|cursor| cursor.chars().take(MAX_CURSOR_LENGTH).collect())
}

impl fmt::Display for UsersUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (domain, client_ip) = match &self.filter {
            Some(QueueFilter::Domain(domain)) => (Some(domain), None),
            Some(QueueFilter::ClientIp(client_ip)) => (None, Some(client_ip)),
            None => (None, None),
        };
        let pairs = [
            ("domain", domain),
            ("ip", client_ip),
            ("waiting", self.pending_after.as_ref()),
            ("after", self.users_after.as_ref()),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", escape(value?))));
        let query: Vec<String> = pairs.collect();
        if query.is_empty() { f.write_str("/admin") } else { write!(f, "/admin?{}", query.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_has_the_filter_and_both_cursors() {
        let url = UsersUrl {
            filter: Some(QueueFilter::ClientIp("2001:db8::".to_owned())),
            pending_after: Some("1-2".to_owned()),
            users_after: Some("a b".to_owned()),
        };
        assert_eq!(url.to_string(), "/admin?ip=2001%3Adb8%3A%3A&waiting=1-2&after=a+b");
        assert_eq!(url.without_filter(), "/admin?after=a+b");
        assert_eq!(UsersUrl::default().to_string(), "/admin");
    }
}
