//! Blind indexes and content MACs: finding equal values without opening any.
//!
//! Both are `HMAC-SHA256` under the practice's index key, cut to 128 bits, over the length-prefixed list
//! `purpose | kind | normalised value`. The kind keeps them apart: a phone number and an external id of the same
//! digits have different indexes.

use crate::canonical::Canonical;
use crate::practice::PracticeKeys;
use kept_domain::{BlindIndex, ContentMac};
use std::borrow::Cow;

/// What a value is, which decides how it is normalised before it is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blind {
    /// A phone number in E.164, as domain's phone rules write it. Normalised: spaces around it removed.
    Phone,
    /// An e-mail address. Normalised: spaces around it removed, lower case.
    Email,
    /// A patient's id in the practice's system, or a provisional key. Normalised: spaces around it removed; case counts.
    PatientKey,
    /// A visit's id in the practice's system, or a provisional key. Normalised: spaces around it removed; case counts.
    AppointmentKey,
    /// Name of a practitioner or visit type. Normalised: runs of white space become one space, lower case.
    Name,
    /// The header of a file, as intake joins it. Not normalised.
    Header,
    /// Address that staff sign in with. Normalised as [`Blind::Email`], but never equal to a patient's.
    StaffEmail,
    /// Network address of a client, as far as it tells clients apart. Normalised: spaces around it removed.
    Client,
}

impl Blind {
    const fn word(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::PatientKey => "patient-key",
            Self::AppointmentKey => "appointment-key",
            Self::Name => "name",
            Self::Header => "header",
            Self::StaffEmail => "staff-email",
            Self::Client => "client",
        }
    }

    fn normalise(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Header => Cow::Borrowed(value),
            Self::Phone | Self::PatientKey | Self::AppointmentKey | Self::Client => Cow::Borrowed(value.trim()),
            Self::Email | Self::StaffEmail => Cow::Owned(value.trim().to_lowercase()),
            Self::Name => Cow::Owned(value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()),
        }
    }
}

impl PracticeKeys {
    /// The blind index of a value of some kind.
    pub fn blind(&self, kind: Blind, value: &str) -> BlindIndex {
        let message = Canonical::new("kept/v1/blind").text(kind.word()).text(&kind.normalise(value));
        BlindIndex(self.index.mac(message.as_bytes()))
    }

    /// The MAC of a row's canonical content, which recognises an unchanged row without opening it.
    pub fn content_mac(&self, content: &[u8]) -> ContentMac {
        ContentMac(self.index.mac(Canonical::new("kept/v1/content").bytes(content).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kept_domain::PracticeId;
    use uuid::Uuid;

    fn keys(seed: u8) -> PracticeKeys {
        PracticeKeys::fixed(PracticeId::from_uuid(Uuid::from_u128(1)), 1, [9; 32], [seed; 32])
    }

    #[test]
    fn equal_after_normalising_and_only_then() {
        let keys = keys(1);
        let same = |kind, one, other| keys.blind(kind, one) == keys.blind(kind, other);
        assert!(same(Blind::Phone, "+14155550100", " +14155550100 "));
        assert!(same(Blind::Email, "Ann@Example.org", "ann@example.org "));
        assert!(same(Blind::StaffEmail, "Ann@Example.org", "ann@example.org"));
        assert!(same(Blind::Name, "Dr.  Lee", " dr. lee"));
        assert!(same(Blind::PatientKey, "A1 ", "A1"));
        assert!(!same(Blind::PatientKey, "A1", "a1"), "two systems' ids may differ by case alone");
        assert!(!same(Blind::AppointmentKey, "A1", "a1"));
        assert!(!same(Blind::Header, "a,b", "a,b "));
        assert!(!same(Blind::Phone, "+14155550100", "+14155550101"));
    }

    #[test]
    fn kinds_practices_and_content_never_meet() {
        let kinds = [
            Blind::Phone,
            Blind::Email,
            Blind::PatientKey,
            Blind::AppointmentKey,
            Blind::Name,
            Blind::Header,
            Blind::StaffEmail,
            Blind::Client,
        ];
        let mut seen = std::collections::HashSet::new();
        for seed in [1, 2] {
            for kind in kinds {
                assert!(seen.insert(keys(seed).blind(kind, "same").0));
            }
            assert!(seen.insert(keys(seed).content_mac(b"same").0));
        }
    }
}
