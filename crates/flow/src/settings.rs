//! What an administrator decides for the practice: names on lock screens, phones, hours, caps, cut-offs.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError};
use kept_domain::window::SendWindow;
use kept_domain::{LocationId, PracticeId, StaffId, phone, text_enum};
use kept_store::{Scope, StoredLocation};

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
    pub fn faults(&self, country: &str) -> Vec<SettingsFault> {
        let is_number = |text: &str| text.is_empty() || phone::parse(text, country).is_ok();
        let alias = |one: &LocationWish| (1..=MAX_ALIAS_CHARS).contains(&one.alias.chars().count());
        let cut_offs = self.answer_cut_off_min <= self.cancel_cut_off_min && self.cancel_cut_off_min <= MAX_CUT_OFF_MIN;
        let checks = [
            (self.locations.iter().all(alias), SettingsFault::Alias),
            (self.locations.iter().all(|one| is_number(&one.phone)), SettingsFault::Phone),
            (self.locations.iter().all(|one| is_number(&one.sender)), SettingsFault::Sender),
            (SendWindow::named(&self.send_window).is_ok_and(|window| window.place().is_none()), SettingsFault::Window),
            ((1..=MAX_CAP_PER_DAY).contains(&self.cap_per_day), SettingsFault::CapDay),
            ((self.cap_per_day..=MAX_CAP_PER_WEEK).contains(&self.cap_per_week), SettingsFault::CapWeek),
            ((1..=MAX_SEGMENTS).contains(&self.max_segments), SettingsFault::Segments),
            (cut_offs, SettingsFault::CutOff),
        ];
        checks.into_iter().filter(|(is_right, _)| !is_right).map(|(_, fault)| fault).collect()
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
        let country = open.practice.settings.country.as_str();
        let faults = wish.faults(country);
        if !faults.is_empty() {
            return Ok(faults);
        }
        let number = |text: &str| phone::parse(text, country).ok().map(|found| found.e164().to_owned());
        let mut settings = open.practice.settings.clone();
        settings.send_window.clone_from(&wish.send_window);
        settings.cap_per_day = wish.cap_per_day;
        settings.cap_per_week = wish.cap_per_week;
        settings.discreet = wish.discreet;
        settings.max_segments = wish.max_segments;
        settings.answer_cut_off_min = wish.answer_cut_off_min;
        settings.cancel_cut_off_min = wish.cancel_cut_off_min;
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
                (SettingsWish { send_window: "always".to_owned(), ..right.clone() }, SettingsFault::Window),
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
}
