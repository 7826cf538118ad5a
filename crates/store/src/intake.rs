//! Calendars: the sources, what each said last, and the uploads.

mod people;
mod visits;

pub use people::{ChangedPatient, ContactOrder, KnownContact, KnownPatient, NewContact, NewName, NewPatient};
pub use visits::{ChangedVisit, KnownVisit, NewVisit};

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::sealed;
use crate::tx::Tx;
use kept_domain::private::{ImportCol, LayoutCol, SaidCol};
use kept_domain::{
    AppointmentId, AppointmentStatus, BlindIndex, ContentMac, ImportId, Instant, PracticeId, Sealed, SourceId, StaffId,
};
use uuid::Uuid;

/// A header that files of a calendar had.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Layout {
    /// The header.
    #[sqlx(try_from = "Vec<u8>")]
    pub header: BlindIndex,
    /// Which calendar.
    #[sqlx(try_from = "Uuid")]
    pub source: SourceId,
    /// Its id, which `mapping` is bound to.
    pub id: Uuid,
    /// How often `mapping` was written.
    pub rev: i64,
    /// How columns are read under this header; none: to be matched again.
    pub mapping: Option<Vec<u8>>,
    /// What the uploader chose for numbers the calendar says nothing of: `declared` or `none`; not asked yet.
    pub consent: Option<String>,
}

impl Layout {
    /// How columns are read under this header, if that is known.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no sealed value: it must not pass for one that was never said.
    pub fn sealed_mapping(&self) -> Result<Option<Sealed<LayoutCol>>, StoreError> {
        sealed::optional(self.mapping.as_deref())
    }
}

/// What is kept of a file's header.
#[derive(Debug)]
pub struct NewLayout {
    /// Of the known layout with this header, or a new one.
    pub id: Uuid,
    /// One more than the known layout has; 1: there is none.
    pub rev: i64,
    /// The header.
    pub header: BlindIndex,
    /// Of which calendar, where the header is new.
    pub source: SourceId,
    /// How columns are read under this header, sealed for `id` and `rev`.
    pub mapping: Sealed<LayoutCol>,
}

/// A row of some calendar, with what it said last.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KnownRow {
    /// Of which calendar.
    #[sqlx(try_from = "Uuid")]
    pub source: SourceId,
    /// Its key.
    #[sqlx(try_from = "Vec<u8>")]
    pub key_bix: BlindIndex,
    /// Its id, which `said` is bound to.
    pub row: Uuid,
    /// Its revision.
    pub row_rev: i64,
    /// What it said last.
    #[sqlx(try_from = "Vec<u8>")]
    pub said: Sealed<SaidCol>,
}

/// The first and the last start that a calendar said.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct SourceSpan {
    /// Which calendar.
    #[sqlx(try_from = "Uuid")]
    pub source: SourceId,
    /// The first.
    #[sqlx(try_from = "i64")]
    pub first: Instant,
    /// The last.
    #[sqlx(try_from = "i64")]
    pub last: Instant,
}

/// What is known of a row of a source without opening anything.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct RowMark {
    /// Its key.
    #[sqlx(try_from = "Vec<u8>")]
    pub key_bix: BlindIndex,
    /// Of what it said last.
    #[sqlx(try_from = "Vec<u8>")]
    pub content_mac: ContentMac,
    /// Whether it was missing from the last file that should have had it.
    pub vanished: bool,
}

/// A new row of a source.
#[derive(Debug)]
pub struct NewRow {
    /// Its own id, which its sealed value is bound to.
    pub id: Uuid,
    /// Its key.
    pub key_bix: BlindIndex,
    /// The visit it is about.
    pub appointment: AppointmentId,
    /// Of what it says.
    pub content_mac: ContentMac,
    /// What it says.
    pub said: Sealed<SaidCol>,
    /// The start it says.
    pub said_start: Instant,
}

/// A row of a source that says something else now.
#[derive(Debug)]
pub struct ChangedRow {
    /// Its key.
    pub key_bix: BlindIndex,
    /// The revision it was read with.
    pub was_rev: i64,
    /// Of what it says now.
    pub content_mac: ContentMac,
    /// What it says now, sealed under `was_rev + 1`.
    pub said: Sealed<SaidCol>,
    /// The start it says now.
    pub said_start: Instant,
}

/// A row that a file could have had, with where its visit stands.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MissableRow {
    /// Its key.
    #[sqlx(try_from = "Vec<u8>")]
    pub key_bix: BlindIndex,
    /// The visit it is about.
    #[sqlx(try_from = "Uuid")]
    pub appointment: AppointmentId,
    /// Start of the visit as it stands here.
    #[sqlx(try_from = "i64")]
    pub start: Instant,
    /// Local day of the visit.
    pub local_day: i64,
    /// Status as it stands here.
    #[sqlx(try_from = "String")]
    pub status: AppointmentStatus,
}

/// A finished upload.
#[derive(Debug)]
pub struct NewImport {
    /// Which.
    pub id: ImportId,
    /// Of which calendar.
    pub source: SourceId,
    /// SHA-256 of the file.
    pub file_hash: [u8; 32],
    /// JSON of counts.
    pub counts: String,
    /// File name and rejected rows, sealed under revision 1.
    pub private: Sealed<ImportCol>,
    /// Who uploaded it.
    pub staff: Option<StaffId>,
    /// When it ended, civil.
    pub finished_at: Instant,
}

#[derive(sqlx::FromRow)]
struct ImportRow {
    #[sqlx(try_from = "Vec<u8>")]
    private: Sealed<ImportCol>,
    rev: i64,
}

impl Tx {
    /// Every header that files of the practice had, the oldest first.
    pub async fn layouts(&mut self, practice: PracticeId) -> Result<Vec<Layout>, StoreError> {
        all!(
            self,
            Layout,
            "SELECT h.header_mac AS header, h.source_id AS source, h.id, h.rev, h.mapping, s.consent
             FROM layouts h JOIN sources s ON s.practice_id = h.practice_id AND s.id = h.source_id
             WHERE h.practice_id = $1 ORDER BY h.created_at_ms, h.header_mac",
            practice.as_uuid()
        )
    }

    /// Gives the mapping and consent choice of an upload to the source whose files have this header; where there is none, the header
    /// becomes one more of the layout's source, or its first. Returns the source; none: somebody else kept this header meanwhile, and
    /// nothing was written.
    pub async fn keep_source(
        &mut self,
        practice: PracticeId,
        layout: &NewLayout,
        name: &str,
        consent: Option<&str>,
        now: Instant,
    ) -> Result<Option<SourceId>, StoreError> {
        // The header first: of two uploads at once, the second finds the first one's source.
        let kept = opt!(
            self,
            (Uuid,),
            "INSERT INTO layouts (practice_id, id, header_mac, source_id, mapping, rev, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (practice_id, header_mac) DO UPDATE SET mapping = excluded.mapping, rev = excluded.rev
                 WHERE layouts.id = excluded.id AND layouts.rev = excluded.rev - 1
             RETURNING source_id",
            practice.as_uuid(),
            layout.id,
            &layout.header.0[..],
            layout.source.as_uuid(),
            layout.mapping.as_ciphertext(),
            layout.rev,
            now.as_ms()
        )?;
        let Some((source,)) = kept else { return Ok(None) };
        run!(
            self,
            "INSERT INTO sources (practice_id, id, name, kind, consent, created_at_ms) VALUES ($1, $2, $3, 'file', $4, $5)
             ON CONFLICT (practice_id, id) DO UPDATE SET consent = COALESCE(excluded.consent, sources.consent)",
            practice.as_uuid(),
            source,
            name,
            consent,
            now.as_ms()
        )?;
        Ok(Some(source.into()))
    }

    /// The rows of these sources with these keys.
    pub async fn rows_by_key(
        &mut self,
        practice: PracticeId,
        sources: &[SourceId],
        keys: &[BlindIndex],
    ) -> Result<Vec<KnownRow>, StoreError> {
        let mut rows = Rows::new(&[("source_id", Kind::Uuid), ("key_bix", Kind::Bytes)]);
        for source in sources {
            for key in keys {
                rows.push().uuid(*source).bytes(&key.0);
            }
        }
        bulk_all!(
            self,
            KnownRow,
            "SELECT s.source_id AS source, s.key_bix, s.id AS row, s.rev AS row_rev, s.said FROM {rows} AS r
             JOIN source_rows AS s ON s.practice_id = {practice} AND s.source_id = r.source_id AND s.key_bix = r.key_bix",
            rows,
            practice.as_uuid()
        )
    }

    /// The first and the last start of each of these sources; one without rows is left out.
    pub async fn source_spans(
        &mut self,
        practice: PracticeId,
        sources: &[SourceId],
    ) -> Result<Vec<SourceSpan>, StoreError> {
        bulk_all!(
            self,
            SourceSpan,
            "SELECT d.source, d.first, d.last FROM (
                 SELECT r.id AS source,
                     (SELECT MIN(s.said_start_at_ms) FROM source_rows s WHERE s.practice_id = {practice} AND s.source_id = r.id) AS first,
                     (SELECT MAX(s.said_start_at_ms) FROM source_rows s WHERE s.practice_id = {practice} AND s.source_id = r.id) AS last
                 FROM {rows} AS r) AS d WHERE d.first IS NOT NULL",
            Rows::of_ids("id", sources.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Marks of the rows of a source with these keys; keys never seen are left out.
    pub async fn row_marks(
        &mut self,
        practice: PracticeId,
        source: SourceId,
        keys: &[BlindIndex],
    ) -> Result<Vec<RowMark>, StoreError> {
        bulk_all!(
            self,
            RowMark,
            "SELECT s.key_bix, s.content_mac, s.vanished_at_ms IS NOT NULL AS vanished FROM {rows} AS r
             JOIN source_rows AS s ON s.practice_id = {practice} AND s.source_id = $3 AND s.key_bix = r.key_bix",
            Rows::of_bytes("key_bix", keys.iter().map(|key| key.0)),
            practice.as_uuid(),
            source.as_uuid()
        )
    }

    /// Adds rows of a source; a key that is there already is left alone. Returns how many were added.
    pub async fn insert_source_rows(
        &mut self,
        practice: PracticeId,
        source: SourceId,
        import: ImportId,
        new: &[NewRow],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("key_bix", Kind::Bytes),
            ("appointment_id", Kind::Uuid),
            ("content_mac", Kind::Bytes),
            ("said", Kind::Bytes),
            ("said_start_at_ms", Kind::Int),
        ]);
        for row in new {
            rows.push()
                .uuid(row.id)
                .bytes(&row.key_bix.0)
                .uuid(row.appointment)
                .bytes(&row.content_mac.0)
                .bytes(row.said.as_ciphertext())
                .int(row.said_start.as_ms());
        }
        bulk!(
            self,
            "INSERT INTO source_rows (practice_id, source_id, key_bix, appointment_id, content_mac, said, id, rev,
                 said_start_at_ms, import_id, vanished_at_ms)
             SELECT $2, $3, key_bix, appointment_id, content_mac, said, id, 1, said_start_at_ms, $4, NULL
             FROM {rows} AS r WHERE TRUE ON CONFLICT (practice_id, source_id, key_bix) DO NOTHING",
            rows,
            practice.as_uuid(),
            source.as_uuid(),
            import.as_uuid()
        )
    }

    /// Writes what rows say now, where they still stand as they were read. A row that is written has not vanished. Returns how many were.
    pub async fn update_source_rows(
        &mut self,
        practice: PracticeId,
        source: SourceId,
        import: ImportId,
        changed: &[ChangedRow],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("key_bix", Kind::Bytes),
            ("was_rev", Kind::Int),
            ("content_mac", Kind::Bytes),
            ("said", Kind::Bytes),
            ("said_start_at_ms", Kind::Int),
        ]);
        for row in changed {
            rows.push()
                .bytes(&row.key_bix.0)
                .int(row.was_rev)
                .bytes(&row.content_mac.0)
                .bytes(row.said.as_ciphertext())
                .int(row.said_start.as_ms());
        }
        bulk!(
            self,
            "UPDATE source_rows SET content_mac = r.content_mac, said = r.said, rev = r.was_rev + 1,
                 said_start_at_ms = r.said_start_at_ms, import_id = $4, vanished_at_ms = NULL
             FROM {rows} AS r WHERE source_rows.practice_id = {practice} AND source_rows.source_id = $3
                 AND source_rows.key_bix = r.key_bix AND source_rows.rev = r.was_rev",
            rows,
            practice.as_uuid(),
            source.as_uuid(),
            import.as_uuid()
        )
    }

    /// Rows of a source that start within a range (both ends included) and have not vanished before.
    pub async fn rows_between(
        &mut self,
        practice: PracticeId,
        source: SourceId,
        from: Instant,
        to: Instant,
    ) -> Result<Vec<MissableRow>, StoreError> {
        all!(
            self,
            MissableRow,
            "SELECT s.key_bix, s.appointment_id AS appointment, a.start_at_ms AS start, a.local_day, a.status
             FROM source_rows AS s JOIN appointments AS a ON a.practice_id = s.practice_id AND a.id = s.appointment_id
             WHERE s.practice_id = $1 AND s.source_id = $2 AND s.said_start_at_ms >= $3 AND s.said_start_at_ms <= $4
                 AND s.vanished_at_ms IS NULL
             ORDER BY s.said_start_at_ms, s.key_bix",
            practice.as_uuid(),
            source.as_uuid(),
            from.as_ms(),
            to.as_ms()
        )
    }

    /// Marks rows as missing from a file that should have had them.
    pub async fn mark_vanished(
        &mut self,
        practice: PracticeId,
        source: SourceId,
        keys: &[BlindIndex],
        now: Instant,
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE source_rows SET vanished_at_ms = $4 FROM {rows} AS r
             WHERE source_rows.practice_id = {practice} AND source_rows.source_id = $3 AND source_rows.key_bix = r.key_bix",
            Rows::of_bytes("key_bix", keys.iter().map(|key| key.0)),
            practice.as_uuid(),
            source.as_uuid(),
            now.as_ms()
        )
    }

    /// Adds a finished upload.
    pub async fn insert_import(&mut self, practice: PracticeId, import: &NewImport) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO imports (practice_id, id, source_id, file_hash, counts, private, rev, staff_id, finished_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)",
            practice.as_uuid(),
            import.id.as_uuid(),
            import.source.as_uuid(),
            &import.file_hash[..],
            &import.counts,
            import.private.as_ciphertext(),
            import.staff.map(StaffId::as_uuid),
            import.finished_at.as_ms()
        )?;
        Ok(())
    }

    /// What an upload left behind, with the revision it is sealed under.
    pub async fn find_import(
        &mut self,
        practice: PracticeId,
        id: ImportId,
    ) -> Result<Option<(Sealed<ImportCol>, i64)>, StoreError> {
        let row = opt!(
            self,
            ImportRow,
            "SELECT private, rev FROM imports WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            id.as_uuid()
        )?;
        Ok(row.map(|row| (row.private, row.rev)))
    }
}
