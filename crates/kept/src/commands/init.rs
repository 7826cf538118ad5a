//! `kept init`: database, practice, first location, default plan, first administrator.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use chrono_tz::Tz;
use kept_domain::{Care, Locale, PracticeSettings, phone};
use kept_flow::setup::{NewPerson, NewPractice};
use kept_store::Store;

/// Arguments of `kept init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Full name of the practice
    #[arg(long, value_name = "NAME")]
    practice: String,
    /// Time zone of the first location, e.g. America/New_York
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    time_zone: Tz,
    /// E-mail address that the first administrator signs in with
    #[arg(long, value_name = "EMAIL")]
    admin: String,
    /// Name that texts carry on lock screens; say nothing there about what is treated [default: the full name]
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// Phone that patients call, e.g. +14155550100
    #[arg(long, value_name = "NUMBER", value_parser = e164)]
    phone: Option<String>,
    /// Country, two letters (ISO 3166): reads numbers without a country code, decides sending hours
    #[arg(long, value_name = "CC", default_value = "US", value_parser = country)]
    country: String,
    /// What is mostly treated: general, behavioural, reproductive or substance-use; all but the first make texts say name and link only
    #[arg(long, value_name = "KIND", default_value = "general", value_parser = care)]
    care: Care,
    /// The practice's first language: en or es
    #[arg(long, value_name = "LANGUAGE", default_value = "en")]
    language: Locale,
    /// Set up a further practice in a database that has one
    #[arg(long)]
    another: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A name of the IANA database; spaces and case are forgiven.
fn zone(text: &str) -> Result<Tz, String> {
    kept_flow::people::zone(text)
        .ok_or_else(|| "write a name of the IANA database, e.g. America/New_York or Europe/Madrid".to_owned())
}

/// A number as carriers take it: `+`, then 8 to 15 digits (ITU-T E.164).
fn e164(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    if (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    {
        Ok(text.to_owned())
    } else {
        Err("write it with the country's code and no spaces, e.g. +14155550100".to_owned())
    }
}

/// A country whose numbers can be read; case is forgiven.
fn country(text: &str) -> Result<String, String> {
    let code = text.trim().to_uppercase();
    if phone::is_country(&code) { Ok(code) } else { Err("write two letters of ISO 3166, e.g. US, MX or ES".to_owned()) }
}

/// A kind of care; the American spelling too.
fn care(text: &str) -> Result<Care, String> {
    let word = if text == "behavioral" { Care::Behavioural.as_str() } else { text };
    word.parse().map_err(|error: kept_domain::text_enum::UnknownWord| error.to_string())
}

/// Runs `kept init`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let config = &context.config;
    // The key first: no database is left behind that nobody could fill.
    let ring = open::key_ring(&config.key_file)?;
    let store = Store::connect_and_migrate(&config.store()).await?;
    let flow = open::flow_over(config, store, ring)?;
    if flow.open_all().await? > 0 && !args.another {
        let said = "this database has a practice already; to set up a further one in it, say --another";
        return Err(Failure::new(Exit::CannotCreate, said));
    }

    let mut settings = PracticeSettings { country: args.country, ..PracticeSettings::of_care(args.care) };
    settings.locales.sort_by_key(|locale| *locale != args.language);
    let practice = NewPractice {
        name: args.practice.clone(),
        alias: args.alias,
        phone: args.phone,
        time_zone: args.time_zone,
        settings,
    };
    let discreet = practice.settings.discreet;
    let name = args.admin.split('@').next().unwrap_or_default().to_owned();
    let admin = NewPerson {
        name,
        email: args.admin.clone(),
        role: "administrator",
        locale: args.language,
        password: None,
        must_change: true,
    };
    let created = flow.create_practice(&practice, &admin).await?;
    flow.store.close().await;
    // With its short name, so that the address is right however many practices the database comes to hold.
    let sign_in = format!("{}/staff/sign-in?practice={}", config.public_url, created.slug);
    if args.json {
        return output::json(&serde_json::json!({
            "practice": created.id.to_string(),
            "slug": created.slug,
            "location": created.location.to_string(),
            "admin": created.admin.id.to_string(),
            "email": args.admin,
            "password": created.admin.password,
            "sign_in": sign_in,
        }))
        .map(|()| Exit::Ok);
    }
    output::line(format_args!("{} stands, with the short name `{}`.", args.practice, created.slug))?;
    output::line(format_args!("  sign in at   {sign_in}"))?;
    output::line(format_args!("  as           {}", args.admin))?;
    output::line(format_args!("  password     {}", created.admin.password))?;
    if discreet {
        output::say(
            "Texts carry the practice's name and a link only, because of what is treated (Settings at the desk).",
        );
    }
    output::say("The password is shown this once and stored nowhere; it must be changed at the first sign-in.");
    output::say("Next: `kept import FILE --dry-run` shows what your calendar holds, `kept serve` starts.");
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::{Care, care, country, e164, zone};

    #[test]
    fn countries_and_kinds_of_care_are_read_as_people_write_them() {
        assert_eq!(country("es").as_deref(), Ok("ES"));
        assert!(country("Spain").expect_err("two letters").contains("ISO 3166"));
        assert_eq!((care("behavioral"), care("substance-use")), (Ok(Care::Behavioural), Ok(Care::SubstanceUse)));
        assert!(care("secret").expect_err("unknown").contains("reproductive"));
    }

    #[test]
    fn zones_are_read_as_people_write_them() {
        assert_eq!(zone("america/new york").expect("forgiven").name(), "America/New_York");
        assert!(zone("Mars/Base").expect_err("unknown").contains("IANA"));
    }

    #[test]
    fn numbers_are_taken_as_carriers_write_them() {
        assert!(e164("+14155550100").is_ok());
        for wrong in
            ["", "+", "14155550100", "+1 415 555 0100", "+0123456789", "+1234567", "+1234567890123456", "+1415555010x"]
        {
            assert!(e164(wrong).is_err(), "{wrong}");
        }
    }
}
