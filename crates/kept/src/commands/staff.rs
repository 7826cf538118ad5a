//! `kept staff …`: who may sign in, from the command line; an administrator has the same under Settings.

use crate::cli::{Common, Context};
use crate::exit::{Exit, Failure};
use crate::{open, output};
use clap::{Subcommand, ValueEnum};
use kept_domain::{Locale, PracticeId, StaffId};
use kept_flow::audit::Actor;
use kept_flow::setup::NewPerson;
use kept_flow::staff::Role;
use kept_flow::{Flow, FlowError};

/// Arguments of `kept staff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Staff,
}

#[derive(Debug, Subcommand)]
enum Staff {
    /// Everybody who may sign in
    List(Common),
    /// Let somebody sign in; prints the first password once
    Add(Add),
    /// Give somebody a first password again, e.g. the only administrator who forgot it
    Password(Whom),
    /// Somebody has left: they sign in no more
    Leave(Whom),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Their name, as colleagues see it
    #[arg(long)]
    name: String,
    /// The e-mail address that they sign in with
    #[arg(long)]
    email: String,
    /// What they may do
    #[arg(long)]
    role: RoleName,
    /// Language of their pages
    #[arg(long, default_value = "en")]
    language: Locale,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Whom {
    /// The e-mail address that they sign in with
    #[arg(long)]
    email: String,
    #[command(flatten)]
    common: Common,
}

/// A role as the command line writes it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    /// Today, messages, upload
    FrontDesk,
    /// As the front desk
    Clinician,
    /// The report of missed visits
    Manager,
    /// Everything
    Administrator,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::FrontDesk => Self::FrontDesk,
            RoleName::Clinician => Self::Clinician,
            RoleName::Manager => Self::Manager,
            RoleName::Administrator => Self::Administrator,
        }
    }
}

impl Staff {
    fn common(&self) -> &Common {
        match self {
            Self::List(common) => common,
            Self::Add(add) => &add.common,
            Self::Password(whom) | Self::Leave(whom) => &whom.common,
        }
    }
}

/// Runs `kept staff`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let flow = open::flow(&context.config).await?;
    let common = args.command.common();
    let (slug, json) = (common.practice.clone(), common.json);
    let open = flow.practice_for_command(slug.as_deref()).await?;
    let practice = open.practice.id;
    let sign_in = format!("{}/staff/sign-in?practice={}", context.config.public_url, open.practice.slug);
    match args.command {
        Staff::List(_) => {
            for one in flow.people(practice, Actor::System).await? {
                if json {
                    output::json(&serde_json::json!({
                        "staff": one.id.to_string(), "name": one.name.0, "email": one.email.0, "role": one.role.as_str(),
                        "language": one.locale.as_str(), "must_change": one.must_change,
                    }))?;
                } else {
                    let waits = if one.must_change { "  (has not chosen a password yet)" } else { "" };
                    output::line(format_args!("{:<14} {}  {}{waits}", one.role.as_str(), one.email.0, one.name.0))?;
                }
            }
        }
        Staff::Add(add) => {
            let new = NewPerson {
                name: add.name,
                email: add.email.clone(),
                role: Role::from(add.role).as_str(),
                locale: add.language,
                password: None,
                must_change: true,
            };
            let made = flow.add_person(practice, Actor::System, &new).await?;
            print(json, made.id, &add.email, &made.password, &sign_in)?;
        }
        Staff::Password(whom) => {
            let id = find(&flow, practice, &whom.email).await?;
            let made = flow.renew_password(practice, Actor::System, id).await?;
            print(json, id, &whom.email, &made.password, &sign_in)?;
        }
        Staff::Leave(whom) => {
            let id = find(&flow, practice, &whom.email).await?;
            flow.let_go(practice, Actor::System, id).await?;
            if json {
                output::json(&serde_json::json!({ "staff": id.to_string(), "left": true }))?;
            } else {
                output::line("They cannot sign in any more.")?;
            }
        }
    }
    Ok(Exit::Ok)
}

async fn find(flow: &Flow, practice: PracticeId, email: &str) -> Result<StaffId, Failure> {
    let wanted = email.trim().to_lowercase();
    let people = flow.people(practice, Actor::System).await?;
    let found = people.iter().find(|one| one.email.0 == wanted);
    Ok(found.ok_or(FlowError::NotFound { what: "person; `kept staff list` shows who may sign in" })?.id)
}

fn print(json: bool, id: StaffId, email: &str, password: &str, sign_in: &str) -> Result<(), Failure> {
    if json {
        return output::json(&serde_json::json!({
            "staff": id.to_string(), "email": email.trim(), "password": password, "sign_in": sign_in,
        }));
    }
    output::line(format_args!("  sign in at   {sign_in}"))?;
    output::line(format_args!("  as           {}", email.trim()))?;
    output::line(format_args!("  password     {password}"))?;
    output::say("The password is shown this once and stored nowhere; it must be changed at the first sign-in.");
    Ok(())
}
