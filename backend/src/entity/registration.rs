//! The registrations of accounts: `registrations`.

use sea_orm::entity::prelude::*;

use domain::status::UserId;
use domain::time::Timestamp;

/// One row of `registrations`: how an account was requested. Accounts that are older than the table have none.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "registrations")]
pub struct Model {
    /// The id of the account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The question that was shown at registration (`REGISTER_QUESTION`).
    pub question: Option<String>,
    /// The answer.
    pub answer: Option<String>,
    /// The client as the rate limits count it: an IPv4 address or an IPv6 /64 network.
    pub client_ip: Option<String>,
    /// The time of registration.
    pub created_at: Timestamp,
    /// The id of the administrator to whom the request is assigned.
    pub assigned_to: Option<UserId>,
    /// The time of the assignment.
    pub assigned_at: Option<Timestamp>,
}

/// Relations to other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The account.
    #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
