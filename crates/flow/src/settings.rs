//! What an administrator decides for the practice: its country and languages, names on lock screens, phones, hours, caps, cut-offs.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError};
use kept_domain::ladder::OptOutScope;
use kept_domain::window::SendWindow;
use kept_domain::{Care, Locale, LocationId, PracticeId, PracticeSettings, StaffId, email, phone, text_enum};
use kept_store::{Scope, StoredLocation};
use std::collections::BTreeMap;

/// Longest name on a lock screen, in characters: longer ones cost a second segment with every text.
pub const MAX_ALIAS_CHARS: usize = 40;
/// Messages to one number in a day that may be allowed; one is the rule (design: never more than one a day).
pub const MAX_CAP_PER_DAY: u16 = 3;
/// Messages to one number in seven days that may be allowed; three are the rule.
pub const MAX_CAP_PER_WEEK: u16 = 7;
/// Segments of one text that may be allowed.
pub const MAX_SEGMENTS: u8 = 3;
/// Longest cut-off for answers, in minutes: a week.
pub const MAX_CUT_OFF_MIN: u32 = 7 * 24 * 60;
/// Longest sentence on when messages are read, in characters: it is one line of a page.
pub const MAX_READING_HOURS_CHARS: usize = 120;

/// What is wished for one location. Empty texts: none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationWish {
    /// Which.
    pub id: LocationId,
    /// What a text calls it.
    pub alias: String,
    /// Phone that patients call.
    pub phone: String,
    /// Number that texts come from.
    pub sender: String,
}

/// What is wished for the practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsWish {
    /// Its locations; one that is not named stays as it is.
    pub locations: Vec<LocationWish>,
    /// Country, ISO 3166-1 alpha-2.
    pub country: String,
    /// What it mostly treats. Where this changes to a kind that tells too much, texts become discreet, whatever `discreet` says.
    pub care: Care,
    /// Languages offered, the practice's own first.
    pub locales: Vec<Locale>,
    /// When messages from the portal are read, by language; an empty sentence is none.
    pub reading_hours: BTreeMap<Locale, String>,
    /// What an opt-out silences.
    pub opt_out_scope: OptOutScope,
    /// Address that mails come from; empty: the installation's.
    pub email_from: String,
    /// Sending hours, by name.
    pub send_window: String,
    /// Messages to one number in a local day.
    pub cap_per_day: u16,
    /// Messages to one number in seven local days.
    pub cap_per_week: u16,
    /// Alias and link only.
    pub discreet: bool,
    /// Segments one text may have.
    pub max_segments: u8,
    /// Until how many minutes before the start an answer may change.
    pub answer_cut_off_min: u32,
    /// Until how many minutes before the start the patient may cancel.
    pub cancel_cut_off_min: u32,
}

text_enum! {
    /// What is wrong with a wish; the word names the field.
    SettingsFault: "fault" {
        /// An alias is empty or longer than [`MAX_ALIAS_CHARS`].
        Alias => "alias",
        /// No country of that code.
        Country => "country",
        /// No language, or one twice.
        Languages => "languages",
        /// A sentence on when messages are read is longer than [`MAX_READING_HOURS_CHARS`] or no single line.
        ReadingHours => "reading-hours",
        /// The address that mails come from is none.
        EmailFrom => "email-from",
        /// A phone is no number.
        Phone => "phone",
        /// A sender is no number.
        Sender => "sender",
        /// There are no sending hours of that name.
        Window => "window",
        /// Outside 1 to [`MAX_CAP_PER_DAY`].
        CapDay => "cap-day",
        /// Below the cap of a day, or above [`MAX_CAP_PER_WEEK`].
        CapWeek => "cap-week",
        /// Outside 1 to [`MAX_SEGMENTS`].
        Segments => "segments",
        /// Longer than [`MAX_CUT_OFF_MIN`], or cancelling ends later than answering.
        CutOff => "cut-off",
    }
}

impl SettingsWish {
    /// What is wrong with it, in the order of the form. Pure.
    pub fn faults(&self) -> Vec<SettingsFault> {
        let is_number = |text: &str| text.is_empty() || phone::parse(text, &self.country).is_ok();
        let alias = |one: &LocationWish| (1..=MAX_ALIAS_CHARS).contains(&one.alias.chars().count());
        let cut_offs = self.answer_cut_off_min <= self.cancel_cut_off_min && self.cancel_cut_off_min <= MAX_CUT_OFF_MIN;
        let once = |locale: &Locale| self.locales.iter().filter(|other| *other == locale).count() == 1;
        let is_line =
            |text: &String| text.chars().count() <= MAX_READING_HOURS_CHARS && !text.contains(|c: char| c.is_control());
        let checks = [
            (phone::is_country(&self.country), SettingsFault::Country),
            (!self.locales.is_empty() && self.locales.iter().all(once), SettingsFault::Languages),
            (self.reading_hours.values().all(is_line), SettingsFault::ReadingHours),
            (self.email_from.is_empty() || email::parse(&self.email_from).is_ok(), SettingsFault::EmailFrom),
            (self.locations.iter().all(alias), SettingsFault::Alias),
            (self.locations.iter().all(|one| is_number(&one.phone)), SettingsFault::Phone),
            (self.locations.iter().all(|one| is_number(&one.sender)), SettingsFault::Sender),
            (SendWindow::named(&self.send_window).is_ok_and(SendWindow::may_be_chosen), SettingsFault::Window),
            ((1..=MAX_CAP_PER_DAY).contains(&self.cap_per_day), SettingsFault::CapDay),
            ((self.cap_per_day..=MAX_CAP_PER_WEEK).contains(&self.cap_per_week), SettingsFault::CapWeek),
            ((1..=MAX_SEGMENTS).contains(&self.max_segments), SettingsFault::Segments),
            (cut_offs, SettingsFault::CutOff),
        ];
        checks.into_iter().filter(|(is_right, _)| !is_right).map(|(_, fault)| fault).collect()
    }

    /// Settings as they are after it.
    fn applied(&self, before: &PracticeSettings) -> PracticeSettings {
        let hours = self.reading_hours.iter().filter(|(_, text)| !text.is_empty());
        PracticeSettings {
            country: self.country.clone(),
            locales: self.locales.clone(),
            send_window: self.send_window.clone(),
            cap_per_day: self.cap_per_day,
            cap_per_week: self.cap_per_week,
            care: self.care,
            // Whoever unticks it afterwards has decided so; before that the kind of care decides.
            discreet: self.discreet || (self.care != before.care && self.care.is_telling()),
            opt_out_scope: self.opt_out_scope,
            email_from: email::parse(&self.email_from).ok().map(email::Email::into_string),
            max_segments: self.max_segments,
            late_cancel_hours: before.late_cancel_hours,
            answer_cut_off_min: self.answer_cut_off_min,
            cancel_cut_off_min: self.cancel_cut_off_min,
            reading_hours: hours.map(|(locale, text)| (locale.as_str().to_owned(), text.clone())).collect(),
        }
    }
}

impl Flow {
    /// Changes what the practice decided, all of it or, with a fault, nothing. Visits to come are planned anew.
    pub async fn change_settings(
        &self,
        practice: PracticeId,
        staff: StaffId,
        wish: &SettingsWish,
    ) -> Result<Vec<SettingsFault>, FlowError> {
        let open = self.practice(practice).await?;
        let faults = wish.faults();
        if !faults.is_empty() {
            return Ok(faults);
        }
        let number = |text: &str| phone::parse(text, &wish.country).ok().map(|found| found.e164().to_owned());
        let settings = wish.applied(&open.practice.settings);
        let now = self.clock.civil();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        for one in &wish.locations {
            let known = open.location(one.id).ok_or(FlowError::NotFound { what: "location" })?;
            let mut location = known.location.clone();
            location.alias.clone_from(&one.alias);
            location.phone = number(&one.phone);
            tx.set_location(practice, &StoredLocation { location, sender: number(&one.sender) }).await?;
        }
        tx.set_practice_settings(practice, &settings).await?;
        tx.mark_practice_plan_due(practice, now).await?;
        let entry = AuditEntry::new(act::SETTINGS_CHANGED, Actor::Staff(staff))
            .count("locations", i64::try_from(wish.locations.len()).unwrap_or(i64::MAX));
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use kept_store::Store;
    use kept_store::testing::both;

    fn wish(world: &World) -> SettingsWish {
        SettingsWish {
            locations: vec![LocationWish {
                id: world.location,
                alias: "Oak St".to_owned(),
                phone: "(212) 555-0142".to_owned(),
                sender: String::new(),
            }],
            country: "US".to_owned(),
            care: Care::General,
            locales: vec![Locale::Es, Locale::En],
            reading_hours: BTreeMap::from([(Locale::Es, "De 8 a 5".to_owned()), (Locale::En, String::new())]),
            opt_out_scope: OptOutScope::Patient,
            email_from: "Oak@Example.org".to_owned(),
            send_window: "strict".to_owned(),
            cap_per_day: 1,
            cap_per_week: 2,
            discreet: true,
            max_segments: 2,
            answer_cut_off_min: 30,
            cancel_cut_off_min: 1440,
        }
    }

    #[tokio::test]
    async fn what_is_right_is_kept_and_a_fault_keeps_everything_as_it_was() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            let (flow, practice, staff) = (&world.flow, world.practice, world.staff);
            assert_eq!(flow.change_settings(practice, staff, &wish(&world)).await.unwrap(), []);
            let open = flow.practice(practice).await.unwrap();
            let settings = &open.practice.settings;
            assert_eq!((settings.send_window.as_str(), settings.cap_per_week, settings.discreet), ("strict", 2, true));
            assert_eq!(
                (settings.opt_out_scope, &settings.locales[..]),
                (OptOutScope::Patient, &[Locale::Es, Locale::En][..])
            );
            assert_eq!(settings.email_from.as_deref(), Some("oak@example.org"));
            assert_eq!(settings.reading_hours, BTreeMap::from([("es".to_owned(), "De 8 a 5".to_owned())]));
            let location = &open.locations[0];
            assert_eq!((location.location.alias.as_str(), location.sender.as_deref()), ("Oak St", None));
            assert_eq!(location.location.phone.as_deref(), Some("+12125550142"));

            let right = wish(&world);
            let place = |alias: &str, phone: &str, sender: &str| {
                let one = LocationWish {
                    alias: alias.to_owned(),
                    phone: phone.to_owned(),
                    sender: sender.to_owned(),
                    ..right.locations[0].clone()
                };
                SettingsWish { locations: vec![one], ..right.clone() }
            };
            let wrong = [
                (place("", "", ""), SettingsFault::Alias),
                (place(&"x".repeat(MAX_ALIAS_CHARS + 1), "", ""), SettingsFault::Alias),
                (place("Oak", "call us", ""), SettingsFault::Phone),
                (place("Oak", "", "12"), SettingsFault::Sender),
                (
                    SettingsWish { country: "UK".to_owned(), locations: Vec::new(), ..right.clone() },
                    SettingsFault::Country,
                ),
                (SettingsWish { locales: Vec::new(), ..right.clone() }, SettingsFault::Languages),
                (SettingsWish { locales: vec![Locale::Es, Locale::Es], ..right.clone() }, SettingsFault::Languages),
                (
                    SettingsWish { reading_hours: BTreeMap::from([(Locale::En, "x".repeat(121))]), ..right.clone() },
                    SettingsFault::ReadingHours,
                ),
                (SettingsWish { email_from: "oak@".to_owned(), ..right.clone() }, SettingsFault::EmailFrom),
                (SettingsWish { send_window: "always".to_owned(), ..right.clone() }, SettingsFault::Window),
                (SettingsWish { send_window: "us-fl".to_owned(), ..right.clone() }, SettingsFault::Window),
                (SettingsWish { cap_per_day: 0, ..right.clone() }, SettingsFault::CapDay),
                (
                    SettingsWish { cap_per_day: MAX_CAP_PER_DAY + 1, cap_per_week: 7, ..right.clone() },
                    SettingsFault::CapDay,
                ),
                (SettingsWish { cap_per_day: 3, ..right.clone() }, SettingsFault::CapWeek),
                (SettingsWish { cap_per_week: MAX_CAP_PER_WEEK + 1, ..right.clone() }, SettingsFault::CapWeek),
                (SettingsWish { max_segments: MAX_SEGMENTS + 1, ..right.clone() }, SettingsFault::Segments),
                (SettingsWish { cancel_cut_off_min: 29, ..right.clone() }, SettingsFault::CutOff),
                (SettingsWish { cancel_cut_off_min: MAX_CUT_OFF_MIN + 1, ..right.clone() }, SettingsFault::CutOff),
            ];
            for (wish, fault) in wrong {
                assert_eq!(flow.change_settings(practice, staff, &wish).await.unwrap(), [fault], "{wish:?}");
            }
            let still = flow.practice(practice).await.unwrap();
            assert_eq!(still.practice.settings, open.practice.settings);
            assert_eq!(still.locations[0].location.alias, "Oak St");
        })
        .await;
    }

    #[tokio::test]
    async fn care_that_tells_too_much_makes_texts_discreet_until_somebody_decides_otherwise() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            let discreet = async |care: Care, discreet: bool| {
                let wish = SettingsWish { care, discreet, ..wish(&world) };
                assert_eq!(world.flow.change_settings(world.practice, world.staff, &wish).await.unwrap(), []);
                world.flow.practice(world.practice).await.unwrap().practice.settings.discreet
            };
            assert!(!discreet(Care::General, false).await);
            assert!(discreet(Care::Reproductive, false).await, "on by default");
            assert!(!discreet(Care::Reproductive, false).await, "and off again when somebody wants it so");
            assert!(discreet(Care::Behavioural, false).await, "another kind, another default");
            assert!(!discreet(Care::General, false).await);
        })
        .await;
        for care in Care::ALL {
            assert_eq!(PracticeSettings::of_care(*care).discreet, *care != Care::General, "{care}");
        }
    }

    #[tokio::test]
    async fn a_practice_in_another_country_reads_its_numbers_and_keeps_its_hours() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            let mut abroad = wish(&world);
            abroad.country = "ES".to_owned();
            abroad.send_window = "default".to_owned();
            abroad.locations[0].phone = "600 12 34 56".to_owned();
            assert_eq!(world.flow.change_settings(world.practice, world.staff, &abroad).await.unwrap(), []);
            let open = world.flow.practice(world.practice).await.unwrap();
            assert_eq!(open.locations[0].location.phone.as_deref(), Some("+34600123456"));
            let settings = &open.practice.settings;
            assert_eq!((settings.country.as_str(), settings.send_window.as_str()), ("ES", "default"));
        })
        .await;
    }
}
