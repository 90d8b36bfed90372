//! Columns that hold one of a growing set of texts.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, Value, ValueType, ValueTypeErr};
use sea_orm::{ActiveValue, ColIdx, IntoActiveValue, QueryResult, TryGetError, TryGetable};

use domain::token::Purpose;

/// An enum that is stored as text.
pub trait ColumnText: Copy + 'static {
    /// All values that this version knows.
    const ALL: &'static [Self];

    /// Returns the text in the database.
    fn as_str(self) -> &'static str;
}

/// A value of a column that later versions extend. Reading a row never fails because of it: a text that only a later version
/// knows is `Unknown`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenEnum<T> {
    /// A value that this version knows.
    Known(T),
    /// A text that only a later version knows.
    Unknown(String),
}

impl<T: ColumnText> OpenEnum<T> {
    /// Returns the value, or `None` if only a later version knows it.
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Unknown(_) => None,
        }
    }

    /// Returns the text in the database.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(value) => value.as_str(),
            Self::Unknown(text) => text,
        }
    }

    /// Reads the text in the database.
    pub fn parse(text: String) -> Self {
        match T::ALL.iter().find(|value| value.as_str() == text) {
            Some(value) => Self::Known(*value),
            None => Self::Unknown(text),
        }
    }
}

impl<T> From<T> for OpenEnum<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: ColumnText> From<OpenEnum<T>> for Value {
    fn from(value: OpenEnum<T>) -> Self {
        Self::from(value.as_str())
    }
}

impl<T: ColumnText> TryGetable for OpenEnum<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        String::try_get_by(row, index).map(Self::parse)
    }
}

impl<T: ColumnText> ValueType for OpenEnum<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <String as ValueType>::try_from(value).map(Self::parse)
    }

    fn type_name() -> String {
        "OpenEnum".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::String
    }

    fn column_type() -> ColumnType {
        ColumnType::Text
    }
}

impl<T: ColumnText> IntoActiveValue<Self> for OpenEnum<T> {
    fn into_active_value(self) -> ActiveValue<Self> {
        ActiveValue::Set(self)
    }
}

impl<T: ColumnText> Nullable for OpenEnum<T> {
    fn null() -> Value {
        String::null()
    }
}

/// Implements [`ColumnText`] for an enum, and its conversion into a database value.
macro_rules! column_text {
    ($name:ident { $($variant:ident => $text:literal,)+ }) => {
        impl crate::entity::open_enum::ColumnText for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl From<$name> for sea_orm::Value {
            fn from(value: $name) -> Self {
                Self::from(crate::entity::open_enum::ColumnText::as_str(value))
            }
        }
    };
}

pub(crate) use column_text;

impl ColumnText for Purpose {
    const ALL: &'static [Self] = &Self::ALL;

    fn as_str(self) -> &'static str {
        Purpose::as_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_only_a_later_version_knows_is_kept() {
        let later = OpenEnum::<Purpose>::parse("enrol_passkey".to_owned());
        assert_eq!(later, OpenEnum::Unknown("enrol_passkey".to_owned()));
        assert_eq!((later.known(), later.as_str()), (None, "enrol_passkey"));
        for purpose in Purpose::ALL {
            assert_eq!(OpenEnum::parse(purpose.as_str().to_owned()), OpenEnum::Known(purpose));
        }
    }
}
