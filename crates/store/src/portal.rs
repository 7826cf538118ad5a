//! What the portal reads and writes: the practice of an address, guards, sessions, devices, nonces, visits, answers.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::practice::Practice;
use kept_domain::{PracticeId, PracticeSettings};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct PracticeRow {
    id: Uuid,
    slug: String,
    name: String,
    alias: String,
    phone: Option<String>,
    time_zone: String,
    settings: String,
}

impl Tx {
    /// The public facts of a practice by its name in addresses. Needs [`crate::Scope::Lookup`].
    pub async fn portal_practice(&mut self, slug: &str) -> Result<Option<Practice>, StoreError> {
        let row = opt!(
            self,
            PracticeRow,
            "SELECT id, slug, name, alias, phone, time_zone, settings FROM practices WHERE slug = $1",
            slug
        )?;
        row.map(|row| {
            let corrupt = |column| StoreError::Corrupt { table: "practices", column };
            let settings: PracticeSettings = serde_json::from_str(&row.settings).map_err(|_| corrupt("settings"))?;
            Ok(Practice {
                id: PracticeId::from_uuid(row.id),
                slug: row.slug,
                name: row.name,
                alias: row.alias,
                time_zone: row.time_zone.parse().map_err(|_| corrupt("time_zone"))?,
                phone: row.phone,
                settings,
            })
        })
        .transpose()
    }
}
