//! What moves: each table with its columns, the key first, as both databases have them.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::BytesMut;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A column of both databases.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// How SQLite's value is selected, where it is not the column itself.
    pub(super) from: &'static str,
    pub(super) kind: Kind,
}

/// What a column holds, as PostgreSQL calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bytes,
    Text,
    Number,
    Truth,
}

impl Kind {
    pub(super) fn as_type(self) -> Type {
        match self {
            Self::Bytes => Type::BYTEA,
            Self::Text => Type::TEXT,
            Self::Number => Type::INT8,
            Self::Truth => Type::BOOL,
        }
    }
}

/// A table of both databases. Its first column is its key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// What SQLite selects from.
    pub(super) from: &'static str,
    pub(super) columns: &'static [Column],
}

const fn bytes(name: &'static str) -> Column {
    Column { name, from: name, kind: Kind::Bytes }
}
const fn text(name: &'static str) -> Column {
    Column { name, from: name, kind: Kind::Text }
}
const fn number(name: &'static str) -> Column {
    Column { name, from: name, kind: Kind::Number }
}
const fn truth(name: &'static str) -> Column {
    Column { name, from: name, kind: Kind::Truth }
}
/// What of a grant changes: as it was appended last, or as its row has it.
const fn changing(name: &'static str, from: &'static str, kind: Kind) -> Column {
    Column { name, from, kind }
}

pub(super) const TABLES: [Table; 8] = [
    Table {
        name: "server_keys",
        from: "server_keys",
        columns: &[number("key_id"), bytes("check_value"), number("state")],
    },
    Table {
        name: "accounts",
        from: "accounts",
        columns: &[
            bytes("account_id"),
            text("email_address"),
            // Small letters of ASCII only, like the column's collation.
            Column { name: "email_key", from: "lower(email_address)", kind: Kind::Text },
            text("password_hash"),
            bytes("api_key"),
            truth("is_locked"),
            truth("is_confirmed"),
            text("callback_url"),
            text("locale"),
            number("revision"),
            number("epoch"),
        ],
    },
    Table {
        name: "clients",
        from: "clients",
        columns: &[
            text("client_id"),
            bytes("owner"),
            text("name"),
            text("domains"),
            text("event_callback_url"),
            truth("can_insert_everywhere"),
            number("created_at"),
            text("callback_url"),
            text("scopes"),
            truth("is_approved"),
            truth("is_resource_server"),
            text("switches"),
            number("rotation_since"),
            bytes("secret"),
            number("revision"),
            number("epoch"),
        ],
    },
    Table {
        name: "codes",
        from: "codes",
        columns: &[
            bytes("hash"),
            text("client_id"),
            bytes("account_id"),
            text("redirect_uri"),
            text("code_challenge"),
            number("client_epoch"),
            number("account_epoch"),
            number("created_at"),
            number("expires_at"),
            bytes("grant_id"),
            number("redeemed_at"),
        ],
    },
    Table {
        name: "sessions",
        from: "sessions",
        columns: &[
            bytes("hash"),
            bytes("account_id"),
            number("account_epoch"),
            number("created_at"),
            number("seen_at"),
        ],
    },
    Table {
        name: "grants",
        // What is selected beside max() is of the row that has it.
        from: "grants LEFT JOIN (SELECT max(change_id), * FROM grant_changes GROUP BY grant_id) AS change
               ON change.grant_id = grants.grant_id AND change.revision > grants.revision",
        columns: &[
            changing("grant_id", "grants.grant_id", Kind::Bytes),
            text("client_id"),
            bytes("account_id"),
            number("client_epoch"),
            number("account_epoch"),
            bytes("seed"),
            number("created_at"),
            truth("is_imported"),
            changing("revision", "coalesce(change.revision, grants.revision)", Kind::Number),
            changing("generation", "coalesce(change.generation, grants.generation)", Kind::Number),
            changing("parent", "iif(change.revision IS NULL, grants.parent, change.parent)", Kind::Number),
            changing("issued_at", "coalesce(change.issued_at, grants.issued_at)", Kind::Number),
            changing("key_id", "coalesce(change.key_id, grants.key_id)", Kind::Number),
            changing("epoch", "coalesce(change.epoch, grants.epoch)", Kind::Number),
            changing("lifetime", "coalesce(change.lifetime, grants.lifetime)", Kind::Number),
            changing("is_seen", "coalesce(change.is_seen, grants.is_seen)", Kind::Truth),
            changing("voids", "iif(change.revision IS NULL, grants.voids, change.voids)", Kind::Bytes),
            changing(
                "access_since",
                "iif(change.revision IS NULL, grants.access_since, change.access_since)",
                Kind::Number,
            ),
            changing(
                "revoked_at",
                "iif(change.revision IS NULL, grants.revoked_at, change.revoked_at)",
                Kind::Number,
            ),
        ],
    },
    Table { name: "imported_tokens", from: "imported_tokens", columns: &[bytes("hash"), bytes("grant_id")] },
    Table { name: "fixtures", from: "fixtures", columns: &[bytes("fingerprint")] },
];

impl Table {
    pub(super) fn select(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.from).collect();
        format!("SELECT {} FROM {}", columns.join(", "), self.from)
    }

    pub(super) fn names(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn types(&self) -> Vec<Type> {
        self.columns.iter().map(|column| column.kind.as_type()).collect()
    }

    /// Reads a row of what [`Table::select`] selects.
    pub(super) fn read(&self, row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
        let value = |(at, column): (usize, &Column)| Value::read(row.get_ref(at)?, column.kind, at);
        self.columns.iter().enumerate().map(value).collect()
    }

    /// What tells whether a row has changed.
    pub(super) fn digest(&self, row: &Row<'_>) -> rusqlite::Result<u64> {
        let mut hasher = DefaultHasher::new();
        for at in 0..self.columns.len() {
            match row.get_ref(at)? {
                ValueRef::Null => 0_u8.hash(&mut hasher),
                ValueRef::Integer(number) => (1_u8, number).hash(&mut hasher),
                ValueRef::Real(number) => (2_u8, number.to_bits()).hash(&mut hasher),
                ValueRef::Text(bytes) => (3_u8, bytes).hash(&mut hasher),
                ValueRef::Blob(bytes) => (4_u8, bytes).hash(&mut hasher),
            }
        }
        Ok(hasher.finish())
    }

    /// The bytes of a row's key.
    pub(super) fn key<'a>(&self, row: &'a Row<'_>) -> rusqlite::Result<Cow<'a, [u8]>> {
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(number) => Cow::Owned(number.to_be_bytes().to_vec()),
            other => Cow::Borrowed(other.as_bytes()?),
        })
    }

    /// The key that has these bytes.
    pub(super) fn key_of(&self, bytes: &[u8]) -> Value {
        match self.columns[0].kind {
            Kind::Text => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            Kind::Number => Value::Number(bytes.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))),
            Kind::Bytes | Kind::Truth => Value::Bytes(bytes.to_owned()),
        }
    }
}

/// A value on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bytes(Vec<u8>),
    Text(String),
    Number(i64),
    Truth(bool),
}

impl Value {
    fn read(value: ValueRef<'_>, kind: Kind, at: usize) -> rusqlite::Result<Self> {
        Ok(match (value, kind) {
            (ValueRef::Null, _) => Self::Null,
            (ValueRef::Blob(bytes), Kind::Bytes) => Self::Bytes(bytes.to_owned()),
            (ValueRef::Text(_), Kind::Text) => Self::Text(value.as_str()?.to_owned()),
            (ValueRef::Integer(number), Kind::Number) => Self::Number(number),
            (ValueRef::Integer(number), Kind::Truth) => Self::Truth(number != 0),
            (other, _) => {
                return Err(rusqlite::Error::InvalidColumnType(at, String::new(), other.data_type()));
            }
        })
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bytes(bytes) => bytes.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Number(number) => number.to_sql(ty, out),
            Self::Truth(truth) => truth.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::BYTEA | Type::TEXT | Type::INT8 | Type::BOOL)
    }

    to_sql_checked!();
}
