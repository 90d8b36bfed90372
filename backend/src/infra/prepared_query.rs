//! Large queries of frequent requests, whose statement is built once.
//!
//! # Guarantees
//!
//! - A bound query is the same statement as a newly built one.
//! - Input is always a bound value and never part of the SQL text.
//!
//! Built for each request, the profile's query took a seventh of its page's time (docs/contribute/benchmarks.md).

use std::sync::OnceLock;

use sea_orm::sea_query::{SelectStatement, Value};
use sea_orm::{DbBackend, Statement};

/// The placeholder for the value in the prebuilt statement.
const PLACEHOLDER: &str = "\u{1}gap";

/// A SELECT with one value that is bound later.
#[derive(Debug)]
pub struct PreparedQuery {
    build: fn(&str) -> SelectStatement,
    postgres: OnceLock<Statement>,
    sqlite: OnceLock<Statement>,
}

impl PreparedQuery {
    /// Creates the query that `build` returns for a value. `build` is called once for each kind of database, when first needed.
    pub const fn new(build: fn(&str) -> SelectStatement) -> Self {
        Self { build, postgres: OnceLock::new(), sqlite: OnceLock::new() }
    }

    /// Returns the statement for `value`.
    pub fn bind(&self, db: DbBackend, value: &str) -> Statement {
        let prebuilt = if db == DbBackend::Sqlite { &self.sqlite } else { &self.postgres };
        let mut statement = prebuilt.get_or_init(|| db.build(&(self.build)(PLACEHOLDER))).clone();
        for bound in statement.values.iter_mut().flat_map(|values| values.0.iter_mut()) {
            if matches!(bound, Value::String(Some(text)) if text == PLACEHOLDER) {
                *bound = Value::from(value);
            }
        }
        statement
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{EntityTrait, QueryTrait};

    use super::*;
    use crate::entity::user_session;

    #[test]
    fn a_bound_query_equals_a_newly_built_one() {
        let find: fn(&str) -> SelectStatement = |name| user_session::Entity::find_by_id(name).into_query();
        let query = PreparedQuery::new(find);
        for db in [DbBackend::Postgres, DbBackend::Sqlite] {
            for public_id in ["one", "another", "'; DROP TABLE users"] {
                assert_eq!(query.bind(db, public_id), db.build(&find(public_id)));
            }
        }
    }
}
