//! Everything private, as it looks when open, and the columns it is sealed into.
//!
//! None of these types prints its content: `Debug` shows the type's name only, so that a careless log line, a
//! panic or an error cannot leak it.

use crate::sealed::Column;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

macro_rules! private {
    ($($(#[$meta:meta])* $column:ident => $table:literal . $name:literal : $(#[$tmeta:meta])* $plain:ident { $($(#[$fmeta:meta])* $field:ident : $ty:ty),* $(,)? })+) => {$(
        $(#[$tmeta])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $plain { $($(#[$fmeta])* pub $field: $ty),* }

        impl std::fmt::Debug for $plain {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(concat!(stringify!($plain), "(…)")) }
        }

        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        pub enum $column {}

        impl Column for $column {
            const TABLE: &'static str = $table;
            const COLUMN: &'static str = $name;
            type Plain = $plain;
        }

        impl $column {
            /// `table.column`, for the list of sealed columns.
            pub const PLACE: (&'static str, &'static str) = ($table, $name);
        }
    )+

        /// Every sealed column, `(table, column)`; tests compare it with the migrations.
        pub const SEALED_COLUMNS: &[(&str, &str)] = &[$($column::PLACE),+];
    };
}

private! {
    /// Who the patient is. Salt: the patient's.
    PatientCol => "patients"."private":
    /// Who the patient is.
    PatientPrivate {
        /// Given names, if the calendar tells them apart.
        given: Option<String>,
        /// Family name, if the calendar tells it apart.
        family: Option<String>,
        /// The whole name as the practice writes it.
        name: String,
        /// Without one, nobody can identify at the portal.
        birth_date: Option<NaiveDate>,
        /// The patient's id in the practice's own system.
        external_id: Option<String>,
    }

    /// A phone number (E.164) or e-mail address (lower-case). Salt: the patient's.
    ContactCol => "contact_points"."private":
    /// A phone number or e-mail address.
    ContactPrivate {
        /// E.164, or an e-mail address in lower case.
        value: String,
    }

    /// What the calendar says of a visit beyond times. Salt: the patient's.
    AppointmentCol => "appointments"."private":
    /// What the calendar says of a visit beyond times.
    AppointmentPrivate {
        /// The visit's id in the practice's own system.
        external_id: Option<String>,
        /// What the patient should bring, in the practice's words.
        bring: Option<String>,
    }

    /// What a source said last of one visit, for the three-way diff. Salt: the practice's (a row may change patients).
    SaidCol => "source_rows"."said":
    /// What a source said last of one visit: canonical field values by field name.
    SaidPrivate {
        /// Canonical values by field name, exactly what the content MAC covers.
        fields: std::collections::BTreeMap<String, String>,
    }

    /// A practitioner's name. Salt: the practice's.
    PractitionerCol => "practitioners"."private":
    /// A practitioner's name.
    PractitionerPrivate {
        /// As the calendar writes it.
        name: String,
    }

    /// A visit type's name (calendars write free text here). Salt: the practice's.
    VisitTypeCol => "visit_types"."private":
    /// A visit type's name.
    VisitTypePrivate {
        /// As the calendar writes it.
        name: String,
    }

    /// What a notice says and to whom, frozen when armed. Salt: the practice's (a notice may concern several patients).
    NoticeBodyCol => "notices"."body":
    /// What a notice says and to whom. The link's secret is not in it: `text` has [`NoticeBody::LINK`] in its place.
    NoticeBody {
        /// E.164, or an e-mail address.
        to: String,
        /// The rendered text with the mark where the link goes.
        text: String,
        /// What a mail has beside its text; none in a text message.
        mail: Option<MailBody>,
    }

    /// The secret `t` of a notice's link; wiped at a final delivery status. Salt: the practice's.
    LinkSecretCol => "notices"."link_secret":
    /// The secret of a link: 26 characters of Crockford base32.
    LinkSecret {
        /// Lower-case, no separators.
        t: String,
    }

    /// What a patient wrote while answering. Salt: the patient's.
    AnswerCol => "answers"."private":
    /// What a patient wrote while answering.
    AnswerPrivate {
        /// Why they cannot come.
        reason: Option<String>,
    }

    /// What a patient asked for in words. Salt: the patient's.
    RequestCol => "requests"."private":
    /// What a patient asked for in words, e.g. which days suit.
    RequestPrivate {
        /// Chosen days or half-days, as words of the form.
        preferences: Vec<String>,
        /// Free text.
        text: Option<String>,
    }

    /// A text a patient sent back. Salt: the practice's.
    InboundCol => "inbound"."private":
    /// A text a patient sent back.
    InboundPrivate {
        /// Sender, E.164.
        from: String,
        /// What was written.
        text: String,
    }

    /// Somebody who works at the practice. Salt: the practice's.
    StaffCol => "staff"."private":
    /// Somebody who works at the practice.
    StaffPrivate {
        /// Shown to colleagues.
        name: String,
        /// Signs in with it; lower-case.
        email: String,
    }

    /// What an upload left behind for the desk. Salt: the practice's.
    ImportCol => "imports"."private":
    /// What an upload left behind for the desk.
    ImportPrivate {
        /// The file's name as uploaded.
        file_name: String,
        /// The rejected rows with a reason each, as CSV; empty when none was.
        rejects_csv: String,
    }

    /// An uploaded file that waits for a person's "send". Salt: the practice's.
    UploadCol => "uploads"."private":
    /// An uploaded file that waits for a person's "send".
    UploadPrivate {
        /// The file's name as uploaded.
        file_name: String,
        /// The file itself, base64.
        content: String,
    }

    /// How the columns of an uploaded file are read. Salt: the practice's.
    UploadMappingCol => "uploads"."mapping":
    /// How the columns of an uploaded file are read.
    UploadMappingPrivate {
        /// TOML.
        mapping: String,
    }

    /// How files of a calendar with this header are read. Salt: the practice's.
    LayoutCol => "layouts"."mapping":
    /// How files of a calendar with this header are read.
    LayoutPrivate {
        /// TOML: names of columns and the words in them.
        mapping: String,
    }
}

/// What a mail has beside its text. Part of a [`NoticeBody`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailBody {
    /// One line.
    pub subject: String,
    /// The HTML part with the mark where the link goes.
    pub html: String,
    /// Who writes: a location's alias.
    pub from_name: String,
    /// Where mail to this address is stopped.
    pub unsubscribe: String,
}

impl std::fmt::Debug for MailBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailBody(…)")
    }
}

impl MailBody {
    /// The HTML part with the link in its place.
    pub fn with_link(&self, url: &str) -> String {
        self.html.replace(NoticeBody::LINK, url)
    }
}

impl NoticeBody {
    /// Stands in [`NoticeBody::text`] and [`MailBody::html`] where the link goes (U+FFFC, which no template writes).
    pub const LINK: char = '\u{FFFC}';

    /// The text with the link in its place.
    pub fn with_link(&self, url: &str) -> String {
        self.text.replace(Self::LINK, url)
    }
}
