//! Statements that nearly every request sends: built once, and filled in.
//!
//! Guarantees: the text is what building it anew would give, and what a visitor sent is only ever a value of it. (Built
//! for each request, the larger of the two that use this took a seventh of its page's time: docs/benchmarks.md.)

use std::sync::OnceLock;

use sea_orm::sea_query::{SelectStatement, Value};
use sea_orm::{DbBackend, Statement};

/// What stands in a template where the value goes that differs from request to request.
const GAP: &str = "\u{1}gap";

/// A SELECT but for one value.
#[derive(Debug)]
pub struct Template {
    build: fn(&str) -> SelectStatement,
    postgres: OnceLock<Statement>,
    sqlite: OnceLock<Statement>,
}

impl Template {
    /// What `build` gives for that value. It is called once for each kind of database, when first needed.
    pub const fn of(build: fn(&str) -> SelectStatement) -> Self {
        Self { build, postgres: OnceLock::new(), sqlite: OnceLock::new() }
    }

    /// The statement for `value`.
    pub fn fill(&self, db: DbBackend, value: &str) -> Statement {
        let template = if db == DbBackend::Sqlite { &self.sqlite } else { &self.postgres };
        let mut statement = template.get_or_init(|| db.build(&(self.build)(GAP))).clone();
        for each in statement.values.iter_mut().flat_map(|values| values.0.iter_mut()) {
            if matches!(each, Value::String(Some(text)) if text == GAP) {
                *each = Value::from(value);
            }
        }
        statement
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{EntityTrait, QueryTrait};

    use super::*;
    use crate::backend::entity::user_session;

    #[test]
    fn a_filled_one_is_what_would_be_built() {
        let find: fn(&str) -> SelectStatement = |name| user_session::Entity::find_by_id(name).into_query();
        let template = Template::of(find);
        for db in [DbBackend::Postgres, DbBackend::Sqlite] {
            for handle in ["one", "another", "'; DROP TABLE users"] {
                assert_eq!(template.fill(db, handle), db.build(&find(handle)));
            }
        }
    }
}
