//! What the worker has to turn into mails.

use sea_orm::entity::prelude::*;

/// One row of `mail_jobs`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_jobs")]
pub struct Model {
    /// The number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// See `backend::mail::jobs::JobKind`.
    pub kind: String,
    /// Whom it is about.
    pub user_id: i32,
    /// The address it is about, where that is not the person's own.
    pub email: String,
    /// When it was written.
    pub created_at: i64,
    /// Not before.
    pub due_at: i64,
    /// How often it was tried in vain.
    pub attempts: i32,
    /// When it was tried in vain for the last time.
    pub failed_at: Option<i64>,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The person.
    #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
