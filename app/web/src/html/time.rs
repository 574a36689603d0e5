//! Times as text, in UTC.

use domain::markup::{Moment, TimeStyle};
use domain::timestamp::Timestamp;
use maud::{Markup, html};

const MONTHS: [&str; 12] = [
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
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The text that Discord's clients show for a time outside of the range of their dates.
pub(super) const INVALID: &str = "Invalid Date";

/// Returns a time in a text, in one of Discord's styles; a relative one as of `now`.
pub(super) fn element(moment: Option<Moment>, style: TimeStyle, now: Option<Timestamp>) -> Markup {
    let Some(moment) = moment else { return html! { span class="mention" { (INVALID) } } };
    html! {
        time class="mention" datetime=[moment.timestamp()] title=(text(moment, TimeStyle::LongDateTime, None)) {
            (text(moment, style, now))
        }
    }
}

/// Returns the same as text.
pub(crate) fn plain(moment: Option<Moment>, style: TimeStyle, now: Option<Timestamp>) -> String {
    moment.map_or_else(|| INVALID.to_owned(), |moment| text(moment, style, now))
}

fn text(moment: Moment, style: TimeStyle, now: Option<Timestamp>) -> String {
    let at = Civil::of(moment.seconds());
    let (long_date, short_date) = (at.long_date(), at.short_date());
    match (style, now) {
        (TimeStyle::ShortTime, _) => format!("{} UTC", at.clock()),
        (TimeStyle::LongTime, _) => format!("{} UTC", at.clock_seconds()),
        (TimeStyle::ShortDate, _) => short_date,
        (TimeStyle::LongDate, _) => long_date,
        (TimeStyle::LongDateTime, _) => format!("{}, {long_date} at {} UTC", at.weekday, at.clock()),
        (TimeStyle::CompactDateTime, _) => format!("{short_date}, {} UTC", at.clock()),
        (TimeStyle::CompactDateTimeSeconds, _) => format!("{short_date}, {} UTC", at.clock_seconds()),
        (TimeStyle::Relative, Some(now)) => relative(moment.seconds() - now.as_millis().div_euclid(1_000)),
        (TimeStyle::ShortDateTime | TimeStyle::Relative, _) => format!("{long_date} at {} UTC", at.clock()),
    }
}

/// Returns a relative time, in the words and with the thresholds of Discord's clients.
fn relative(seconds: i64) -> String {
    let far = seconds.abs();
    let rounded = |unit: i64| (far + unit / 2) / unit;
    let days = rounded(DAY);
    let words = match far {
        0..45 => "a few seconds".to_owned(),
        45..90 => "a minute".to_owned(),
        90..2_670 => format!("{} minutes", rounded(MINUTE)),
        2_670..5_400 => "an hour".to_owned(),
        5_400..77_400 => format!("{} hours", rounded(HOUR)),
        77_400..129_600 => "a day".to_owned(),
        _ if days < 26 => format!("{days} days"),
        _ if days < 46 => "a month".to_owned(),
        _ if days < 320 => format!("{} months", (days * 12 + 182) / 365),
        _ if days < 548 => "a year".to_owned(),
        _ => format!("{} years", (days * 10_000 + 1_826_212) / 3_652_425),
    };
    if seconds > 0 { format!("in {words}") } else { format!("{words} ago") }
}

/// Returns a date and time as text.
pub(crate) fn moment(at: Timestamp) -> String {
    let at = Civil::of(at.as_millis().div_euclid(1_000));
    format!("{} at {} UTC", at.long_date(), at.clock())
}

/// Returns the time of day.
pub(super) fn clock(at: Timestamp) -> String {
    Civil::of(at.as_millis().div_euclid(1_000)).clock()
}

/// Returns a day as text.
pub(crate) fn day(at: Timestamp) -> String {
    Civil::of(at.as_millis().div_euclid(1_000)).long_date()
}

/// Returns the name of the month of a time.
pub(crate) fn month(at: Timestamp) -> &'static str {
    MONTHS[Civil::of(at.as_millis().div_euclid(1_000)).month]
}

/// The parts of a time in the Gregorian calendar, of any year.
struct Civil {
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    weekday: &'static str,
}

impl Civil {
    /// Counts in years that begin in March, so that a leap day is the last of its year, and in eras of 400 years.
    fn of(seconds: i64) -> Self {
        const ERA_DAYS: i64 = 146_097;
        let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let since_march = days + 719_468;
        let (era, of_era) = (since_march.div_euclid(ERA_DAYS), since_march.rem_euclid(ERA_DAYS));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let index = |number: i64| usize::try_from(number).unwrap_or_default();
        let month = index((march_month + 2) % 12);
        Self {
            year: year_of_era + era * 400 + i64::from(month < 2),
            month,
            day: of_year - (153 * march_month + 2) / 5 + 1,
            hour: of_day / HOUR,
            minute: of_day % HOUR / MINUTE,
            second: of_day % MINUTE,
            weekday: WEEKDAYS[index((days + 4).rem_euclid(7))],
        }
    }

    fn long_date(&self) -> String {
        format!("{} {} {}", self.day, MONTHS[self.month], self.year)
    }

    fn short_date(&self) -> String {
        format!("{:02}/{:02}/{:04}", self.day, self.month + 1, self.year)
    }

    fn clock(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    fn clock_seconds(&self) -> String {
        format!("{}:{:02}", self.clock(), self.second)
    }
}

#[cfg(test)]
mod tests;
