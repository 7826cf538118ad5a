//! Dates, times and numbers in the reader's words. Pure: zones are resolved before.
//!
//! Patterns follow CLDR 46 for `es` and, for `en`, the day before the month (as agreed for Kept: never mistaken for a
//! numeric month), with the 12-hour clock that the United States reads.

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike, Weekday};
use kept_domain::Locale;

const EN_DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const ES_DAYS: [&str; 7] = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"];
const EN_SHORT_DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Without the accent of "sáb": á is outside GSM 03.38 and would halve what a text can hold.
const ES_SHORT_DAYS: [&str; 7] = ["lun", "mar", "mié", "jue", "vie", "sab", "dom"];
const EN_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const ES_MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const EN_SHORT_MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const ES_SHORT_MONTHS: [&str; 12] =
    ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"];

fn month_index(date: NaiveDate) -> usize {
    date.month0() as usize
}

/// "Tuesday" / "martes".
pub fn weekday(locale: Locale, day: Weekday) -> &'static str {
    let index = day.num_days_from_monday() as usize;
    match locale {
        Locale::En => EN_DAYS[index],
        Locale::Es => ES_DAYS[index],
    }
}

/// "November" / "noviembre".
pub fn month(locale: Locale, date: NaiveDate) -> &'static str {
    match locale {
        Locale::En => EN_MONTHS[month_index(date)],
        Locale::Es => ES_MONTHS[month_index(date)],
    }
}

/// "Tuesday 24 November" / "martes 24 de noviembre".
pub fn day(locale: Locale, date: NaiveDate) -> String {
    let (name, number, month) = (weekday(locale, date.weekday()), date.day(), month(locale, date));
    match locale {
        Locale::En => format!("{name} {number} {month}"),
        Locale::Es => format!("{name} {number} de {month}"),
    }
}

/// "Tue 24 Nov" / "mar 24 nov": for texts, every letter within GSM 03.38.
pub fn short_day(locale: Locale, date: NaiveDate) -> String {
    let index = date.weekday().num_days_from_monday() as usize;
    match locale {
        Locale::En => format!("{} {} {}", EN_SHORT_DAYS[index], date.day(), EN_SHORT_MONTHS[month_index(date)]),
        Locale::Es => format!("{} {} {}", ES_SHORT_DAYS[index], date.day(), ES_SHORT_MONTHS[month_index(date)]),
    }
}

/// "24 November 2026" / "24 de noviembre de 2026".
pub fn date(locale: Locale, date: NaiveDate) -> String {
    let (number, month, year) = (date.day(), month(locale, date), date.year());
    match locale {
        Locale::En => format!("{number} {month} {year}"),
        Locale::Es => format!("{number} de {month} de {year}"),
    }
}

/// "24 Nov" / "24 nov": for the axis of a chart.
pub fn short_date(locale: Locale, date: NaiveDate) -> String {
    match locale {
        Locale::En => format!("{} {}", date.day(), EN_SHORT_MONTHS[month_index(date)]),
        Locale::Es => format!("{} {}", date.day(), ES_SHORT_MONTHS[month_index(date)]),
    }
}

/// "9:15 AM" / "9:15" (24 hours in Spanish: no "a. m." to cut off at the end of a text).
pub fn time(locale: Locale, time: NaiveTime) -> String {
    match locale {
        Locale::En => {
            let (afternoon, hour) = time.hour12();
            format!("{hour}:{:02} {}", time.minute(), if afternoon { "PM" } else { "AM" })
        }
        Locale::Es => format!("{}:{:02}", time.hour(), time.minute()),
    }
}

/// "12,345" / "12.345"; four digits stand together in Spanish, as the Academia asks.
pub fn whole(locale: Locale, number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let (separator, least) = match locale {
        Locale::En => (',', 4),
        Locale::Es => ('.', 5),
    };
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() >= least {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage with one decimal: "7.4 %" / "7,4 %", the blank not breaking.
pub fn percent(locale: Locale, share: f64) -> String {
    format!("{}\u{A0}%", decimal(locale, share * 100.0))
}

/// A share as a whole percentage or, where that loses something, with one decimal: "5 %", "2.5 %".
pub fn whole_percent(locale: Locale, share: f64) -> String {
    let text = decimal(locale, share * 100.0);
    format!("{}\u{A0}%", text.strip_suffix(".0").or_else(|| text.strip_suffix(",0")).unwrap_or(&text))
}

/// A number with one decimal: "7.4" / "7,4".
pub fn decimal(locale: Locale, number: f64) -> String {
    let text = format!("{number:.1}");
    match locale {
        Locale::En => text,
        Locale::Es => text.replace('.', ","),
    }
}

/// A number as people of its country write it: "+14155550123" is "(415) 555-0123"; others stay as they are.
pub fn phone(e164: &str) -> String {
    match e164.strip_prefix("+1").filter(|rest| rest.len() == 10 && rest.bytes().all(|b| b.is_ascii_digit())) {
        Some(rest) => format!("({}) {}-{}", &rest[..3], &rest[3..6], &rest[6..]),
        None => e164.to_owned(),
    }
}

/// "A", "A and B", "A, B and C" / "A, B y C" (`e` before an i-sound).
pub fn list(locale: Locale, items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => {
            let start = last.to_lowercase();
            let sounds_i = (start.starts_with('i') || start.starts_with("hi")) && !start.starts_with("hie");
            let and = match locale {
                Locale::En => "and",
                Locale::Es if sounds_i => "e",
                Locale::Es => "y",
            };
            format!("{} {and} {last}", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).expect("a literal date")
    }

    fn at(hour: u32, minute: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, minute, 0).expect("a literal time")
    }

    #[test]
    fn dates_read_as_people_say_them() {
        let tuesday = on(2026, 11, 24);
        assert_eq!(day(Locale::En, tuesday), "Tuesday 24 November");
        assert_eq!(day(Locale::Es, tuesday), "martes 24 de noviembre");
        assert_eq!(short_day(Locale::En, tuesday), "Tue 24 Nov");
        assert_eq!(short_day(Locale::Es, on(2026, 11, 28)), "sab 28 nov");
        assert_eq!(date(Locale::En, on(2024, 2, 29)), "29 February 2024");
        assert_eq!(date(Locale::Es, on(2024, 2, 29)), "29 de febrero de 2024");
    }

    #[test]
    fn noon_and_midnight_are_told_apart() {
        assert_eq!(time(Locale::En, at(9, 15)), "9:15 AM");
        assert_eq!(time(Locale::En, at(12, 0)), "12:00 PM");
        assert_eq!(time(Locale::En, at(0, 5)), "12:05 AM");
        assert_eq!(time(Locale::En, at(13, 30)), "1:30 PM");
        assert_eq!(time(Locale::Es, at(9, 15)), "9:15");
        assert_eq!(time(Locale::Es, at(13, 30)), "13:30");
    }

    #[test]
    fn numbers_have_the_separators_of_the_language() {
        assert_eq!(whole(Locale::En, 1234), "1,234");
        assert_eq!(whole(Locale::Es, 1234), "1234");
        assert_eq!(whole(Locale::Es, -12_345), "-12.345");
        assert_eq!(whole(Locale::En, 1_000_000), "1,000,000");
        assert_eq!(whole(Locale::En, 812), "812");
        assert_eq!(percent(Locale::En, 0.0744), "7.4\u{A0}%");
        assert_eq!(percent(Locale::Es, 0.0744), "7,4\u{A0}%");
        assert_eq!(whole_percent(Locale::Es, 0.05), "5\u{A0}%");
        assert_eq!(whole_percent(Locale::En, 0.025), "2.5\u{A0}%");
    }

    #[test]
    fn short_forms_stay_inside_the_gsm_alphabet() {
        for locale in Locale::ALL {
            let mut date = on(2026, 1, 1);
            while date.year() == 2026 {
                let text = format!("{} {}", short_day(*locale, date), time(*locale, at(date.day() % 24, 5)));
                assert_eq!(crate::segments::count(&text).encoding, crate::segments::Encoding::Gsm7, "{text}");
                date = date.succ_opt().expect("no end of time in 2026");
            }
        }
    }

    #[test]
    fn phones_and_lists() {
        assert_eq!(phone("+14155550123"), "(415) 555-0123");
        assert_eq!(phone("+34915550123"), "+34915550123");
        assert_eq!(list(Locale::En, &["a", "b", "c"]), "a, b and c");
        assert_eq!(list(Locale::Es, &["Ana", "Inés"]), "Ana e Inés");
        assert_eq!(list(Locale::Es, &["Ana", "hielo"]), "Ana y hielo");
    }
}
