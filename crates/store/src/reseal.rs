//! Moving sealed values from an old data-encryption key to the newest one: which are left, and replacing them.
//!
//! The version of its key stands in a cell's bytes 2 to 5, in clear (`crates/seal/src/row.rs`), so the database can tell what is left
//! without opening anything. A value is replaced only where it still is the one that was read: whoever wrote meanwhile wins.

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{
    AnswerCol, AppointmentCol, ContactCol, ImportCol, InboundCol, LayoutCol, LinkSecretCol, NoticeBodyCol, PatientCol,
    PractitionerCol, RequestCol, SaidCol, StaffCol, UploadCol, UploadMappingCol, VisitTypeCol,
};
use kept_domain::sealed::Column;
use kept_domain::{PracticeId, Salt, Sealed};
use uuid::Uuid;

/// One sealed value under an old key.
#[derive(Debug, Clone)]
pub struct OldCell<C: Column> {
    /// The row's id, as bound into the value.
    pub row: Uuid,
    /// What the row is found by: its id, or the id of the visit it belongs to.
    pub via: Uuid,
    /// The row's revision, as bound into the value.
    pub rev: i64,
    /// The salt of the row's key.
    pub salt: Salt,
    /// The value.
    pub cell: Sealed<C>,
}

/// A value sealed anew, and the one it replaces.
#[derive(Debug, Clone)]
pub struct NewCell<C: Column> {
    /// As found.
    pub old: OldCell<C>,
    /// The same plain value under the newest key, for the same place.
    pub cell: Sealed<C>,
}

/// A sealed column whose values can be moved to another key.
pub trait Resealed: Column {
    /// Values whose key is not `$2` (four bytes, big-endian), in rows found by more than `$3`, at most `$4`.
    const FIND: &'static str;
    /// How many there are.
    const COUNT: &'static str;
    /// Replaces them.
    const REPLACE: &'static str;
}

/// `Column: table.column, its revision, found by, joins that lead to the salt, the salt`.
macro_rules! resealed {
    ($($col:ty: $table:literal . $name:literal, $rev:literal, $via:literal, $join:literal, $salt:literal;)+) => {
        $(impl Resealed for $col {
            const FIND: &'static str = concat!(
                "SELECT t.id, t.", $via, " AS via, t.", $rev, " AS rev, ", $salt, " AS salt, t.", $name, " AS cell FROM ", $table, " t ", $join,
                " WHERE t.practice_id = $1 AND substr(t.", $name, ", 2, 4) <> $2 AND t.", $via, " > $3 ORDER BY t.", $via, " LIMIT $4"
            );
            const COUNT: &'static str = concat!(
                "SELECT COUNT(*) FROM ", $table, " t WHERE t.practice_id = $1 AND substr(t.", $name, ", 2, 4) <> $2"
            );
            const REPLACE: &'static str = concat!(
                "UPDATE ", $table, " SET ", $name, " = r.cell FROM {rows} AS r WHERE ", $table, ".practice_id = {practice} AND ", $table, ".",
                $via, " = r.via AND ", $table, ".id = r.id AND ", $table, ".", $name, " = r.was"
            );
        })+

        /// The columns above, `(table, column)`; a test holds them to `kept_domain::private::SEALED_COLUMNS`.
        pub const RESEALED_COLUMNS: &[(&str, &str)] = &[$(($table, $name)),+];

        /// Values of a practice that are not under the key of `version`, over all columns.
        pub(crate) const COUNTS: &[&str] = &[$(<$col as Resealed>::COUNT),+];
    };
}

resealed! {
    PatientCol: "patients"."private", "rev", "id", "", "t.salt";
    ContactCol: "contact_points"."private", "rev", "id", "JOIN patients p ON p.practice_id = t.practice_id AND p.id = t.patient_id", "p.salt";
    AppointmentCol: "appointments"."private", "rev", "id", "JOIN patients p ON p.practice_id = t.practice_id AND p.id = t.patient_id", "p.salt";
    SaidCol: "source_rows"."said", "rev", "appointment_id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    PractitionerCol: "practitioners"."private", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    VisitTypeCol: "visit_types"."private", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    NoticeBodyCol: "notices"."body", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    LinkSecretCol: "notices"."link_secret", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    AnswerCol: "answers"."private", "rev", "id", "JOIN appointments a ON a.practice_id = t.practice_id AND a.id = t.appointment_id JOIN patients p ON p.practice_id = a.practice_id AND p.id = a.patient_id", "p.salt";
    RequestCol: "requests"."private", "rev", "id", "JOIN patients p ON p.practice_id = t.practice_id AND p.id = t.patient_id", "p.salt";
    InboundCol: "inbound"."private", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    StaffCol: "staff"."private", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    ImportCol: "imports"."private", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    UploadCol: "uploads"."private", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    UploadMappingCol: "uploads"."mapping", "mapping_rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
    LayoutCol: "layouts"."mapping", "rev", "id", "JOIN practices q ON q.id = t.practice_id", "q.salt";
}

#[derive(sqlx::FromRow)]
struct CellRow {
    id: Uuid,
    via: Uuid,
    rev: i64,
    salt: Vec<u8>,
    cell: Vec<u8>,
}

fn version_bytes(version: u32) -> [u8; 4] {
    version.to_be_bytes()
}

impl Tx {
    /// Values of one column that are not under the key of `version`, in the order of what they are found by, from after
    /// `after` on. [`Uuid::nil`] begins.
    pub async fn old_cells<C: Resealed>(
        &mut self,
        practice: PracticeId,
        version: u32,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<OldCell<C>>, StoreError> {
        let version = version_bytes(version);
        let rows = all!(self, CellRow, C::FIND, practice.as_uuid(), version.as_slice(), after, limit)?;
        let corrupt = |_| StoreError::Corrupt { table: C::TABLE, column: "salt" };
        let read = |row: CellRow| {
            // Of any length: what is too short does not open, and must not keep the others from being read.
            #[expect(clippy::disallowed_methods, reason = "read from a sealed column a moment ago")]
            let cell = Sealed::from_ciphertext(row.cell);
            Ok(OldCell { row: row.id, via: row.via, rev: row.rev, salt: row.salt.try_into().map_err(corrupt)?, cell })
        };
        rows.into_iter().map(read).collect()
    }

    /// Replaces values that still are what they were; says how many. The rows' revisions stay.
    pub async fn replace_cells<C: Resealed>(
        &mut self,
        practice: PracticeId,
        cells: &[NewCell<C>],
    ) -> Result<u64, StoreError> {
        let columns = [("id", Kind::Uuid), ("via", Kind::Uuid), ("was", Kind::Bytes), ("cell", Kind::Bytes)];
        let mut rows = Rows::new(&columns);
        for new in cells {
            let row = rows.push().uuid(new.old.row).uuid(new.old.via);
            row.bytes(new.old.cell.as_ciphertext()).bytes(new.cell.as_ciphertext());
        }
        bulk!(self, C::REPLACE, rows, practice.as_uuid())
    }

    /// How many values of a practice are not under the key of `version`, over all sealed columns.
    pub async fn count_old_cells(&mut self, practice: PracticeId, version: u32) -> Result<i64, StoreError> {
        let version = version_bytes(version);
        let mut total = 0;
        for sql in COUNTS {
            total += scalar!(self, i64, *sql, practice.as_uuid(), version.as_slice())?;
        }
        Ok(total)
    }
}
