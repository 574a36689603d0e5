use domain::markup::{Moment, TimeStyle};
use domain::timestamp::Timestamp;

use super::{element, plain};

/// Discord's own example: 20 April 2021, 21:20:30 UTC.
const EXAMPLE: i64 = 1_618_953_630;

fn shown(seconds: i64, style: TimeStyle) -> String {
    plain(Moment::from_seconds(seconds), style, Timestamp::from_millis((EXAMPLE + 5_270_400) * 1_000))
}

#[test]
fn each_style_has_its_own_form() {
    let styles = [
        (TimeStyle::ShortTime, "21:20 UTC"),
        (TimeStyle::LongTime, "21:20:30 UTC"),
        (TimeStyle::ShortDate, "20/04/2021"),
        (TimeStyle::LongDate, "20 April 2021"),
        (TimeStyle::ShortDateTime, "20 April 2021 at 21:20 UTC"),
        (TimeStyle::LongDateTime, "Tuesday, 20 April 2021 at 21:20 UTC"),
        (TimeStyle::CompactDateTime, "20/04/2021, 21:20 UTC"),
        (TimeStyle::CompactDateTimeSeconds, "20/04/2021, 21:20:30 UTC"),
        (TimeStyle::Relative, "2 months ago"),
    ];
    for (style, text) in styles {
        assert_eq!(shown(EXAMPLE, style), text);
    }
}

#[test]
fn a_relative_time_without_a_now_is_a_date() {
    assert_eq!(plain(Moment::from_seconds(EXAMPLE), TimeStyle::Relative, None), "20 April 2021 at 21:20 UTC");
}

#[test]
fn a_relative_time_has_the_thresholds_of_discords_clients() {
    let from = |seconds: i64| {
        plain(Moment::from_seconds(EXAMPLE + seconds), TimeStyle::Relative, Timestamp::from_millis(EXAMPLE * 1_000))
    };
    for (seconds, text) in [
        (0, "a few seconds ago"),
        (44, "in a few seconds"),
        (60, "in a minute"),
        (-300, "5 minutes ago"),
        (3_600, "in an hour"),
        (7_200, "in 2 hours"),
        (-86_400, "a day ago"),
        (-5 * 86_400, "5 days ago"),
        (30 * 86_400, "in a month"),
        (365 * 86_400, "in a year"),
        (-3_653 * 86_400, "10 years ago"),
    ] {
        assert_eq!(from(seconds), text);
    }
}

#[test]
fn dates_of_any_year_are_right() {
    for (seconds, text) in [
        (0, "Thursday, 1 January 1970 at 00:00 UTC"),
        (-1, "Wednesday, 31 December 1969 at 23:59 UTC"),
        (951_782_400, "Tuesday, 29 February 2000 at 00:00 UTC"),
        (-2_203_891_200, "Thursday, 1 March 1900 at 00:00 UTC"),
        (8_640_000_000_000, "Saturday, 13 September 275760 at 00:00 UTC"),
        (-8_640_000_000_000, "Tuesday, 20 April -271821 at 00:00 UTC"),
    ] {
        assert_eq!(shown(seconds, TimeStyle::LongDateTime), text);
    }
}

#[test]
fn what_no_date_reaches_is_an_invalid_date() {
    assert_eq!(shown(8_640_000_000_001, TimeStyle::LongDate), "Invalid Date");
    let page = element(Moment::from_seconds(i64::MAX), TimeStyle::LongDate, None).into_string();
    assert_eq!(page, "<span class=\"mention\">Invalid Date</span>");
    // Outside of the years of RFC 3339, the element has no machine-readable time.
    let page = element(Moment::from_seconds(8_640_000_000_000), TimeStyle::LongDate, None).into_string();
    assert!(page.contains(">13 September 275760<") && !page.contains("datetime"), "{page}");
}
