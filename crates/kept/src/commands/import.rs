//! `kept import`: a schedule goes in.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::{Counts, FileError, ImportError, ImportOutcome, ImportRequest, Mapping, read_limited};
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Arguments of `kept import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The schedule, CSV or XLSX
    file: PathBuf,
    /// Which column is what, as a TOML file [default: as for the last file with the same header, or by the columns' names]
    #[arg(long, value_name = "M.toml")]
    mapping: Option<PathBuf>,
    /// Show what would change, and write nothing to the database
    #[arg(long)]
    dry_run: bool,
    /// For numbers the file says nothing of: `declared` (the patients gave us these numbers and addresses and agreed to reminders) or `none` (send nothing)
    /// [default: as for the last file of the same calendar, or `none`]
    #[arg(long, value_name = "CHOICE")]
    consent: Option<ConsentChoice>,
    /// Short name of the practice, where there are several
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
    /// Where rejected rows are written [default: the file's name with .rejects.csv]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::File(FileError::Unreadable(_)) => Self::of(Exit::NoInput, error),
            ImportError::File(_) => Self::of(Exit::Data, error),
            ImportError::Flow(inner) => inner.into(),
        }
    }
}

/// Runs `kept import`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let mapping = args.mapping.as_deref().map(read_mapping).transpose()?;
    let content = read_file(&args.file)?;
    let flow = open::flow(&context.config).await?;
    let practice = flow.practice_for_command(args.practice.as_deref()).await?;
    let shows_progress = !args.json && std::io::stderr().is_terminal();
    let progress = |done: u64, total: u64| {
        if shows_progress && (done == total || done.is_multiple_of(10_000)) {
            output::say(format_args!("{done} of {total} rows"));
        }
    };
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let outcome = flow
        .import(ImportRequest {
            practice: practice.practice.id,
            file_name: &name,
            content,
            mapping,
            consent: args.consent,
            staff: None,
            dry_run: args.dry_run,
            progress: Some(&progress),
            words: kept_flow::intake::RejectWords::default(),
        })
        .await?;
    flow.store.close().await;
    let rejects_file = match &outcome.rejects_csv.0 {
        csv if csv.is_empty() => None,
        csv => {
            let path = args.rejects.unwrap_or_else(|| beside(&args.file));
            write_private(&path, csv).map_err(|error| not_written(&path, &error, args.dry_run))?;
            Some(path)
        }
    };
    let rejects_file = rejects_file.map(|path| path.display().to_string());
    if args.json {
        output::json(&Told::of(&outcome, rejects_file.as_deref()))?;
    } else {
        tell(&outcome, rejects_file.as_deref(), args.dry_run)?;
    }
    for problem in &outcome.problems {
        output::say(problem);
    }
    Ok(Exit::Ok)
}

/// What `--json` prints. What scripts read stays first and keeps its names; more may follow.
#[derive(Debug, serde::Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    counts: Counts,
    rejects_file: Option<&'a str>,
    without_number: u64,
    unmapped: &'a [String],
    new_columns: bool,
}

impl<'a> Told<'a> {
    fn of(outcome: &'a ImportOutcome, rejects_file: Option<&'a str>) -> Self {
        let ImportOutcome { counts, without_number, unmapped, new_columns, .. } = outcome;
        Self { counts: *counts, rejects_file, without_number: *without_number, unmapped, new_columns: *new_columns }
    }
}

fn tell(outcome: &ImportOutcome, rejects_file: Option<&str>, dry_run: bool) -> Result<(), Failure> {
    let counts = outcome.counts;
    output::line(format_args!(
        "{} new, {} changed, {} unchanged, {} vanished, {} rejected{}",
        counts.new,
        counts.changed,
        counts.unchanged,
        counts.vanished,
        counts.rejected,
        if dry_run { " (nothing was written)" } else { "" }
    ))?;
    if outcome.new_columns {
        output::line(
            "The same calendar, new columns: most of these visits are known from files with another header, so the file is taken for a new layout of that calendar.",
        )?;
    }
    if outcome.without_number > 0 {
        output::line(format_args!(
            "{} visits cannot be reminded: no number. They count in the report.",
            outcome.without_number
        ))?;
    }
    if let Some(path) = rejects_file {
        output::line(format_args!(
            "The rejected rows, with a reason each, are in {path}. It holds names: delete it when you are done."
        ))?;
    }
    if !outcome.unmapped.is_empty() {
        output::say(format_args!("Columns that were not read: {}.", outcome.unmapped.join(", ")));
    }
    // Who has said what holds needs no advice.
    if !outcome.has_consent && outcome.choice.is_none() && counts.new > 0 {
        output::say(
            "The file does not say who agreed to messages. If the patients gave you these numbers and addresses and agreed to reminders, import it again with `--consent declared`.",
        );
    }
    Ok(())
}

fn read_mapping(path: &Path) -> Result<Mapping, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Exit::NoInput, format!("the mapping {} cannot be read ({error}): check its name", path.display()))
    })?;
    Mapping::parse(&text).map_err(|error| Failure::new(Exit::Data, format!("{}: {error}", path.display())))
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let no_input = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::NoInput, format!("{shown} cannot be read ({error}): check its name and permissions"))
    };
    let file = std::fs::File::open(path).map_err(|error| no_input(&error))?;
    read_limited(file).map_err(|error| match error {
        FileError::Unreadable(why) => no_input(&why),
        other => Failure::new(Exit::Data, format!("{shown}: {other}")),
    })
}

/// `week.csv` → `week.csv.rejects.csv`.
fn beside(file: &Path) -> PathBuf {
    let mut name: OsString = file.as_os_str().to_owned();
    name.push(".rejects.csv");
    PathBuf::from(name)
}

/// Writes a file that only its owner may read: a new one, put in the place of any that is there, so that neither its old
/// permissions nor half of its content stay. What is no file itself (a pipe, a device, a link) stays, and is written into.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return std::fs::OpenOptions::new().write(true).truncate(true).open(path)?.write_all(text.as_bytes());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn not_written(path: &Path, error: &std::io::Error, dry_run: bool) -> Failure {
    let rest = if dry_run { "Nothing was imported: this was a dry run." } else { "The good rows were imported." };
    let said = format!(
        "the rejected rows cannot be written to {} ({error}): name another file with --rejects. {rest}",
        path.display()
    );
    Failure::new(Exit::CannotCreate, said)
}
