//! Whether a column of dates has the day or the month first.

use crate::mapping::DateOrder;
use crate::when::numeric_date;

/// What a column of dates says about the order of day and month.
#[derive(Debug, Default)]
pub(crate) struct Votes {
    day_first: usize,
    month_first: usize,
    either: usize,
    dotted: usize,
    example: Option<String>,
}

/// What the votes come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Decided.
    Order(DateOrder),
    /// No date depends on it.
    NoMatter,
    /// Could be both; an example.
    Ambiguous(String),
}

impl Votes {
    /// Looks at one cell.
    pub(crate) fn count(&mut self, text: &str) {
        for token in text.split(|c: char| c.is_whitespace() || c == ',' || c == 'T') {
            let Some((a, b, _)) = numeric_date(token.trim_end_matches('.')) else { continue };
            if a.digits > 2 || a.value == b.value {
                continue;
            }
            match (a.value, b.value) {
                (13..=31, 1..=12) => self.day_first += 1,
                (1..=12, 13..=31) => self.month_first += 1,
                (1..=12, 1..=12) => {
                    self.either += 1;
                    self.dotted += usize::from(token.contains('.'));
                    self.example.get_or_insert_with(|| token.to_owned());
                }
                _ => {}
            }
        }
    }

    /// One sure date decides for the column; where sure dates contradict each other, 19 of 20 decide and the rest are wrong.
    pub(crate) fn verdict(&self) -> Verdict {
        let (day, month) = (self.day_first, self.month_first);
        match () {
            () if day > month * 19 => Verdict::Order(DateOrder::DayFirst),
            () if month > day * 19 => Verdict::Order(DateOrder::MonthFirst),
            () if day + month == 0 && self.either == 0 => Verdict::NoMatter,
            // Nobody writes a month first with dots.
            () if day + month == 0 && self.dotted == self.either => Verdict::Order(DateOrder::DayFirst),
            () => Verdict::Ambiguous(self.example.clone().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_column_decides() {
        let verdict = |cells: &[&str]| {
            let mut votes = Votes::default();
            for cell in cells {
                votes.count(cell);
            }
            votes.verdict()
        };
        assert_eq!(verdict(&["01/02/2026", "11/30/2026", "13/45/2026"]), Verdict::Order(DateOrder::MonthFirst));
        assert_eq!(verdict(&["01/02/2026", "30/11/2026 8:00"]), Verdict::Order(DateOrder::DayFirst));
        assert_eq!(verdict(&["01.02.2026"]), Verdict::Order(DateOrder::DayFirst));
        assert_eq!(verdict(&["2026-01-02", "03/03/2026", "soon"]), Verdict::NoMatter);
        assert_eq!(verdict(&["01/02/2026", "03/04/2026"]), Verdict::Ambiguous("01/02/2026".to_owned()));
        assert_eq!(verdict(&["30/11/2026", "11/30/2026", "1/2/2026"]), Verdict::Ambiguous("1/2/2026".to_owned()));
    }
}
