//! Decisions in tests: many applicants without the cost of registering them, and the forms of administrators.

use backend::entity::{decision, outbox, question, registration, user};
use domain::decision::Mark;
use domain::status::{Role, Status, UserId};
use domain::time::Timestamp;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::support::{Browser, Response, TestPortal};

impl TestPortal {
    /// Inserts pending registrations with confirmed email addresses of this domain, from this client.
    pub async fn insert_pending(&self, count: usize, domain: &str, client_ip: &str) -> Vec<user::Model> {
        let now = self.backend.now();
        let names: Vec<String> = (0..count).map(|number| format!("p{number:03}.{domain}")).collect();
        let rows = names.iter().map(|name| user::ActiveModel {
            id: ActiveValue::NotSet,
            username: ActiveValue::Set(name.clone()),
            username_key: ActiveValue::Set(name.clone()),
            email: ActiveValue::Set(format!("{name}@{domain}")),
            email_canonical: ActiveValue::Set(format!("{name}@{domain}")),
            email_confirmed_at: ActiveValue::Set(Some(now)),
            registration_disputed_at: ActiveValue::Set(None),
            deletion_due_at: ActiveValue::Set(None),
            password_hash: ActiveValue::Set(Some("$argon2id$".to_owned())),
            status: ActiveValue::Set(Status::Pending),
            status_since: ActiveValue::Set(now),
            status_by: ActiveValue::Set(None),
            role: ActiveValue::Set(Role::Member),
            credential_version: ActiveValue::Set(0),
            created_at: ActiveValue::Set(now),
            last_sign_in_at: ActiveValue::Set(Timestamp::NEVER),
        });
        let db = self.backend.db.pool();
        user::Entity::insert_many(rows).exec_without_returning(db).await.expect("people are inserted");
        let people = user::Entity::find()
            .filter(user::Column::Username.is_in(names))
            .order_by_asc(user::Column::Id)
            .all(db)
            .await
            .expect("people are read");
        let registrations = people.iter().map(|person| registration::ActiveModel {
            user_id: ActiveValue::Set(person.id),
            question: ActiveValue::Set(None),
            answer: ActiveValue::Set(None),
            client_ip: ActiveValue::Set(Some(client_ip.to_owned())),
            created_at: ActiveValue::Set(now),
            assigned_to: ActiveValue::Set(None),
            assigned_at: ActiveValue::Set(None),
        });
        let inserted = registration::Entity::insert_many(registrations);
        inserted.exec_without_returning(db).await.expect("registrations are inserted");
        people
    }

    /// Returns all decisions, the oldest first.
    pub async fn decisions(&self) -> Vec<decision::Model> {
        let query = decision::Entity::find().order_by_asc(decision::Column::Id);
        query.all(self.backend.db.pool()).await.expect("reads")
    }

    /// Returns all questions, the oldest first.
    pub async fn questions(&self) -> Vec<question::Model> {
        let query = question::Entity::find().order_by_asc(question::Column::Id);
        query.all(self.backend.db.pool()).await.expect("reads")
    }

    /// Returns the emails about a user, the oldest first.
    pub async fn emails_about(&self, id: UserId) -> Vec<outbox::Model> {
        self.outbox().await.into_iter().filter(|row| row.user_id == Some(id)).collect()
    }

    /// Returns the actions of the audit log about decisions on a user, the oldest first.
    pub async fn decision_log(&self, id: UserId) -> Vec<String> {
        let log = self.audit_log().await.into_iter().filter(|row| row.subject_id == Some(id));
        log.filter(|row| row.detail.is_some()).map(|row| row.action.as_str().to_owned()).collect()
    }
}

/// Returns the mark of a user as a page has shown them.
pub fn mark_of(user: &user::Model) -> Mark {
    Mark { status_since: user.status_since, role: user.role }
}

/// Returns the fields of the people of a form about several.
pub fn people_fields(people: &[user::Model]) -> Vec<(String, String)> {
    let field = |person: &user::Model| ("people[]".to_owned(), format!("{}:{}", person.id, mark_of(person)));
    people.iter().map(field).collect()
}

impl Browser {
    /// Decides about a user as the form of the decision's page does without JavaScript.
    pub async fn decide(&self, action: &str, user: &user::Model, fields: &[(&str, &str)]) -> Response {
        let (id, mark) = (user.id.to_string(), mark_of(user).to_string());
        let page = format!("/admin/{action}/{id}");
        let form = [("id", id.as_str()), ("mark", &mark), ("decision", action), ("from", &page)];
        self.post("/do/decide", &[&form, fields].concat()).await
    }

    /// Sends a form with fields of which one may occur several times.
    pub async fn post_all(&self, path: &str, fields: &[(String, String)]) -> Response {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(path, &fields).await
    }

    /// Sends such a form as a script does.
    pub async fn fetch_all(&self, path: &str, fields: &[(String, String)]) -> Response {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.fetch(path, &fields).await
    }

    /// Undoes a decision.
    pub async fn undo(&self, id: i64) -> Response {
        self.post("/do/undo_decision", &[("id", &id.to_string()), ("from", "/admin")]).await
    }
}
