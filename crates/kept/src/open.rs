//! Opening what commands work on: the key file, the database, and a [`Flow`] over both.

use crate::carriers;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use kept_flow::{Flow, FlowParts, RandomIds, SystemClock};
use kept_render::Renderer;
use kept_seal::{KeyFile, KeyRing};
use kept_store::{DatabaseUrl, Settings, Store};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Permission bits that nobody but the owner may have on the key file.
const OPEN_TO_OTHERS: u32 = 0o077;

/// The bits that are refused on a key file. A service manager hands credentials over as files of root that an access list
/// opens to the service, and the list's mask shows as the group's permission to read: inside `credentials` that is fine.
fn refused_bits(path: &Path, credentials: Option<&Path>) -> u32 {
    if credentials.is_some_and(|folder| path.starts_with(folder)) { OPEN_TO_OTHERS & !0o040 } else { OPEN_TO_OTHERS }
}

/// Reads the key file. Refuses one that others may read, write or run.
pub fn key_ring(path: &Path) -> Result<KeyRing, Failure> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::NotFound {
            "make one with `kept keys new`, or name it with KEPT_KEY_FILE"
        } else {
            "Kept does not start without its key"
        };
        Failure::new(Exit::NoInput, format!("the key file {shown} cannot be opened ({error}): {hint}"))
    })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o7777;
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
        if mode & refused_bits(path, credentials.as_deref().map(Path::new)) != 0 {
            return Err(Failure::new(
                Exit::NoPermission,
                format!("the key file {shown} is open to others (mode {mode:04o}): run `chmod 0400 {shown}`"),
            ));
        }
    }
    if !metadata.is_file() {
        return Err(Failure::new(Exit::NoInput, format!("the key file {shown} is not a file")));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Exit::NoInput, format!("the key file {shown} cannot be read: {error}")))?;
    let text = Zeroizing::new(text);
    KeyFile::parse(&text).map_err(|error| Failure::new(Exit::Data, format!("{shown}: {error}")))
}

/// Refuses an SQLite file that is not there: opening it would make an empty one, and a mistyped name would go unseen.
pub fn refuse_missing(settings: &Settings) -> Result<(), Failure> {
    if let DatabaseUrl::Sqlite(path) = &settings.url
        && !path.exists()
    {
        let said = format!(
            "there is no database {}: make one with `kept init`, or name it with KEPT_DATABASE_URL",
            path.display()
        );
        return Err(Failure::new(Exit::NoInput, said));
    }
    Ok(())
}

/// Opens the database as it stands; refuses another schema.
pub async fn store(config: &Config) -> Result<Store, Failure> {
    let settings = config.store();
    refuse_missing(&settings)?;
    Ok(Store::connect(&settings).await?)
}

/// The steps over an open database, with every practice's keys opened: a wrong key file is told now.
pub async fn flow(config: &Config) -> Result<Flow, Failure> {
    let ring = key_ring(&config.key_file)?;
    let flow = flow_over(config, store(config).await?, ring)?;
    flow.open_all().await?;
    Ok(flow)
}

/// The steps over what is open already.
pub fn flow_over(config: &Config, store: Store, ring: KeyRing) -> Result<Flow, Failure> {
    let render = Renderer::new().map_err(|error| Failure::of(Exit::Software, error))?;
    Ok(Flow::new(FlowParts {
        store,
        ring,
        render,
        carriers: carriers::configured(config)?,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        settings: kept_flow::Settings { public_url: config.public_url.clone() },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_credential_may_show_the_group_as_reader() {
        let credentials = Some(Path::new("/run/credentials/kept.service"));
        let inside = Path::new("/run/credentials/kept.service/key");
        assert_eq!(refused_bits(inside, credentials) & 0o440, 0);
        assert_ne!(refused_bits(inside, credentials) & 0o444, 0, "others never");
        assert_ne!(refused_bits(inside, credentials) & 0o460, 0, "nor may the group write");
        assert_ne!(refused_bits(inside, None) & 0o440, 0);
        assert_ne!(refused_bits(Path::new("/etc/kept/key"), credentials) & 0o440, 0);
    }
}
