//! A first guess of which column is which field, for a person to correct.

use crate::error::MappingError;
use crate::field::Field;
use crate::mapping::Mapping;
use crate::table::Table;
use kept_domain::AppointmentStatus;
use std::collections::BTreeMap;
use std::fmt;

/// Different values of a column that are shown.
pub const SAMPLES: usize = 3;
/// Rows that are looked at for them.
const SAMPLE_ROWS: usize = 200;

/// What a column's name says. A start is often in two columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Is(Field),
    Day,
    Clock,
    EndClock,
}

use Said::{Clock, Day, EndClock, Is};

/// Names of columns seen in exports, letters and digits only, lower case.
const NAMES: &[(Said, &[&str])] = &[
    (
        Is(Field::AppointmentId),
        &[
            "appointmentid",
            "apptid",
            "id",
            "appointmentnumber",
            "apptno",
            "appointmentno",
            "visitid",
            "aptnum",
            "pceid",
            "bookingid",
            "encounterid",
            "appointmentkey",
            "idcita",
            "numerodecita",
        ],
    ),
    (
        Is(Field::PatientId),
        &[
            "patientid",
            "patid",
            "patnum",
            "mrn",
            "account",
            "patientaccount",
            "accountnumber",
            "acct",
            "chart",
            "chartnumber",
            "pubpid",
            "pid",
            "medicalrecordnumber",
            "patientnumber",
            "clientid",
            "idpaciente",
            "expediente",
        ],
    ),
    (
        Is(Field::PatientName),
        &[
            "patientname",
            "patient",
            "name",
            "who",
            "fullname",
            "client",
            "clientname",
            "paciente",
            "nombrecompleto",
            "nombredelpaciente",
        ],
    ),
    (
        Is(Field::GivenName),
        &["patientfirstname", "firstname", "first", "fname", "givenname", "given", "nombre", "patfname", "forename"],
    ),
    (
        Is(Field::FamilyName),
        &[
            "patientlastname",
            "lastname",
            "last",
            "lname",
            "familyname",
            "family",
            "surname",
            "apellido",
            "apellidos",
            "patlname",
        ],
    ),
    (
        Is(Field::BirthDate),
        &[
            "dob",
            "dateofbirth",
            "birthdate",
            "patientdob",
            "birthday",
            "patientdateofbirth",
            "birth",
            "fechadenacimiento",
            "nacimiento",
        ],
    ),
    (
        Is(Field::Phone),
        &[
            "phone",
            "cell",
            "cellphone",
            "mobile",
            "mobilephone",
            "patientphone",
            "phonecell",
            "mobilenumber",
            "phonenumber",
            "cellnumber",
            "telephone",
            "wirelessphone",
            "textnumber",
            "smsnumber",
            "patientmobile",
            "patientcell",
            "telefono",
            "teléfono",
            "celular",
            "movil",
            "móvil",
            "contactnumber",
        ],
    ),
    (
        Is(Field::Email),
        &["email", "emailaddress", "patientemail", "mail", "correo", "correoelectronico", "correoelectrónico"],
    ),
    (
        Is(Field::StartsAt),
        &[
            "startsat",
            "when",
            "starts",
            "datetime",
            "appointmentdatetime",
            "apptdatetime",
            "startdatetime",
            "appointmentday",
            "aptdatetime",
            "dateandtime",
            "appointmentstart",
            "slotstart",
            "fechayhora",
            "cuando",
        ],
    ),
    (
        Day,
        &[
            "date",
            "apptdate",
            "appointmentdate",
            "visitdate",
            "pceventdate",
            "day",
            "dateofvisit",
            "dos",
            "dateofservice",
            "startdate",
            "scheduleddate",
            "fecha",
        ],
    ),
    (
        Clock,
        &[
            "time",
            "starttime",
            "start",
            "appttime",
            "appointmenttime",
            "pcstarttime",
            "begin",
            "from",
            "visittime",
            "timestart",
            "begintime",
            "hora",
            "inicio",
        ],
    ),
    (EndClock, &["endtime", "pcendtime", "end", "stop", "to", "until", "stoptime", "finish", "fin"]),
    (Is(Field::EndsAt), &["endsat", "enddatetime", "appointmentend", "ends"]),
    (
        Is(Field::DurationMin),
        &[
            "duration",
            "length",
            "lengthmin",
            "minutes",
            "durationmin",
            "durationminutes",
            "mins",
            "durationmins",
            "apptlength",
            "duración",
            "duracion",
        ],
    ),
    (
        Is(Field::BookedAt),
        &[
            "bookedat",
            "bookedon",
            "booked",
            "createdat",
            "created",
            "scheduledday",
            "scheduledon",
            "datecreated",
            "createddate",
            "datemade",
            "secdatetentry",
        ],
    ),
    (
        Is(Field::Practitioner),
        &[
            "provider",
            "providername",
            "practitioner",
            "practitionername",
            "doctor",
            "with",
            "resource",
            "clinician",
            "physician",
            "renderingprovider",
            "therapist",
            "dentist",
            "medico",
            "médico",
            "profesional",
        ],
    ),
    (
        Is(Field::Location),
        &[
            "location",
            "site",
            "facility",
            "office",
            "clinic",
            "businessname",
            "locationname",
            "facilityname",
            "place",
            "branch",
            "sede",
            "lugar",
            "clinica",
            "clínica",
        ],
    ),
    (
        Is(Field::VisitType),
        &[
            "visittype",
            "type",
            "reason",
            "appointmenttype",
            "appttype",
            "for",
            "visitreason",
            "reasonforvisit",
            "service",
            "procdescript",
            "appointmentreason",
            "typeofvisit",
            "motivo",
            "tipo",
            "tipodecita",
        ],
    ),
    (
        Is(Field::Language),
        &["language", "lang", "preferredlanguage", "patientlanguage", "languagepreference", "idioma"],
    ),
    (
        Is(Field::Status),
        &["status", "appointmentstatus", "apptstatus", "pcapptstatus", "visitstatus", "aptstatus", "state", "estado"],
    ),
    (
        Is(Field::CancelledAt),
        &["cancelledat", "canceledat", "cancelled", "canceled", "datecancelled", "cancelledon", "canceledon"],
    ),
    (Is(Field::DeletedAt), &["deletedat", "deleted", "isdeleted"]),
    (Is(Field::DidNotArrive), &["didnotarrive", "noshow", "missed", "dna", "isnoshow", "noasistio"]),
    (Is(Field::Arrived), &["patientarrived", "arrived", "checkedin", "attended", "showed", "llego", "llegó"]),
    (Is(Field::Action), &["action", "operation", "change", "changetype", "acción", "accion"]),
    (
        Is(Field::ConsentSms),
        &[
            "oktotext",
            "consentsms",
            "smsconsent",
            "hipaaallowsms",
            "allowsms",
            "textconsent",
            "consent",
            "smsok",
            "textok",
            "okaytotext",
            "txtmsgok",
            "receivesms",
            "smsoptin",
            "textoptin",
            "consentimiento",
        ],
    ),
    (
        Is(Field::ConsentEmail),
        &[
            "oktoemail",
            "consentemail",
            "emailconsent",
            "hipaaallowemail",
            "allowemail",
            "emailok",
            "okaytoemail",
            "receiveemail",
            "emailoptin",
        ],
    ),
    (Is(Field::Bring), &["bring", "pleasebring", "instructions", "traer"]),
];

fn said(header: &str) -> Option<Said> {
    let name: String = header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    NAMES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(said, _)| *said)
}

/// The field a column's name says it is; a date or a time column is part of the start.
pub(crate) fn field_of(header: &str) -> Option<Field> {
    said(header).map(|said| match said {
        Is(field) => field,
        Day | Clock => Field::StartsAt,
        EndClock => Field::EndsAt,
    })
}

/// How many of the cells are names of columns that exports have.
pub(crate) fn known<'a>(cells: impl Iterator<Item = &'a str>) -> usize {
    cells.filter(|cell| said(cell).is_some()).count()
}

/// One column of the file, as the upload screen shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct GuessColumn {
    /// Their name for it; empty for a nameless column.
    pub header: String,
    /// Up to [`SAMPLES`] different values.
    pub samples: Vec<String>,
    /// Our field, if the name says which.
    pub field: Option<Field>,
}

impl fmt::Debug for GuessColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuessColumn({:?})", self.field)
    }
}

/// What a file's columns probably are.
#[derive(Debug, Clone)]
pub struct Guess {
    /// Every column, in file order.
    pub columns: Vec<GuessColumn>,
    /// The mapping that follows, or what is missing for one.
    pub mapping: Result<Mapping, MappingError>,
}

/// Guesses from the header alone; values are only shown.
pub fn guess(table: &Table) -> Guess {
    let mut fields: BTreeMap<Field, Vec<String>> = BTreeMap::new();
    let header = table.header();
    let named = |wanted: Said| header.iter().find(|name| said(name) == Some(wanted));
    for name in header {
        if let Some(Is(field)) = said(name) {
            // The first of two columns for one field is usually the one that is kept up.
            fields.entry(field).or_insert_with(|| vec![name.clone()]);
        }
    }
    let start: Vec<String> = [named(Day), named(Clock)].into_iter().flatten().cloned().collect();
    if !start.is_empty() {
        fields.entry(Field::StartsAt).or_insert(start);
    }
    if let (Some(end), false) = (named(EndClock), fields.contains_key(&Field::DurationMin)) {
        fields.entry(Field::EndsAt).or_insert_with(|| vec![end.clone()]);
    }
    if fields.contains_key(&Field::DurationMin) {
        fields.remove(&Field::EndsAt);
    }
    let mut columns = Vec::with_capacity(header.len());
    for (index, name) in header.iter().enumerate() {
        let field = fields.iter().find(|(_, names)| names.contains(name)).map(|(field, _)| *field);
        columns.push(GuessColumn { header: name.clone(), samples: samples(table, index), field });
    }
    let mut mapping = Mapping::from_columns(fields);
    if header.iter().any(|name| name.eq_ignore_ascii_case("AptStatus")) {
        // Open Dental writes numbers.
        mapping = mapping.map(|mapping| {
            let codes = [
                ("1", AppointmentStatus::Booked),
                ("2", AppointmentStatus::Fulfilled),
                ("3", AppointmentStatus::Waitlist),
                ("4", AppointmentStatus::Booked),
                ("5", AppointmentStatus::Noshow),
            ];
            mapping.with_status_words(codes.map(|(code, status)| (code.to_owned(), status)))
        });
    }
    Guess { columns, mapping }
}

fn samples(table: &Table, column: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for row in table.rows().iter().take(SAMPLE_ROWS) {
        let cell = row.cell(column);
        if !cell.is_empty() && !found.iter().any(|sample| sample == cell) {
            found.push(cell.chars().take(80).collect());
            if found.len() == SAMPLES {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_two_things() {
        let mut seen = std::collections::BTreeSet::new();
        for name in NAMES.iter().flat_map(|(_, names)| *names) {
            assert!(seen.insert(name), "{name} is listed twice");
            assert!(name.chars().all(|c| c.is_alphanumeric() && !c.is_uppercase()), "{name}");
        }
    }

    #[test]
    fn columns_are_recognised_and_a_start_may_be_two() {
        let table = Table::open(
            b"Appt ID,Date,Start Time,End Time,Patient,Cell Phone,Shoe size\n1,2026-12-01,8:00,8:30,Lee,n/a,42\n",
            None,
        )
        .expect("a table");
        let guess = guess(&table);
        let mapping = guess.mapping.expect("enough columns");
        let start =
            mapping.columns().iter().find(|(field, _)| *field == Field::StartsAt).map(|(_, names)| names.join("+"));
        assert_eq!(start.as_deref(), Some("Date+Start Time"));
        let fields: Vec<_> = guess.columns.iter().map(|column| column.field).collect();
        assert_eq!(
            fields,
            [
                Some(Field::AppointmentId),
                Some(Field::StartsAt),
                Some(Field::StartsAt),
                Some(Field::EndsAt),
                Some(Field::PatientName),
                Some(Field::Phone),
                None
            ]
        );
        assert_eq!(guess.columns[6].samples, ["42"]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let table = Table::open(b"Patient,Phone\nLee,1\n", None).expect("a table");
        assert_eq!(guess(&table).mapping.err(), Some(MappingError::NoStart));
    }
}
