use super::{Day, DayCounts, Month, ParseDayError};
use crate::message::MessageId;
use crate::timestamp::Timestamp;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[test]
fn the_ids_of_the_days_follow_each_other_without_a_gap() {
    let mut last = None;
    let mut today = Day::of(MessageId::MIN);
    assert_eq!((today.to_string().as_str(), today.interval().low()), ("2015-01-01", MessageId::MIN));
    loop {
        let interval = today.interval();
        assert_eq!(interval.low().previous(), last, "{today}");
        assert_eq!((Day::of(interval.low()), Day::of(interval.high())), (today, today));
        assert_eq!((Day::from_number(today.number()), today.to_string().parse()), (Some(today), Ok(today)));
        last = Some(interval.high());
        let Some(next) = interval.high().next() else { break };
        today = Day::of(next);
    }
    assert_eq!((last, today.to_string().as_str()), (Some(MessageId::MAX), "2084-09-06"));
}

#[test]
fn the_days_of_the_months_follow_each_other_without_a_gap() {
    let mut month: Month = "2015-01".parse().unwrap();
    assert_eq!(month.previous(), None);
    let mut ids = 0;
    loop {
        let (first, last) = month.days();
        assert_eq!((first.month(), last.month()), (month, month));
        assert_eq!((first.interval().low(), last.interval().high()), (month.interval().low(), month.interval().high()));
        assert_eq!((Month::from_number(first.number() / 100), month.to_string().parse()), (Some(month), Ok(month)));
        assert_eq!(month.interval().low().get(), ids + 1);
        ids = month.interval().high().get();
        let Some(next) = month.next() else { break };
        assert_eq!(next.previous(), Some(month));
        month = next;
    }
    assert_eq!(ids, MessageId::MAX.get());
}

#[test]
fn a_day_has_its_place_in_the_calendar() {
    let leap = day("2024-02-29");
    assert_eq!((leap.number(), leap.of_month(), leap.weekday()), (20_240_229, 29, 3));
    assert_eq!(leap.start(), "2024-02-29T00:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(leap.month().to_string(), "2024-02");
}

#[test]
fn other_texts_are_rejected() {
    for text in ["2023-02-29", "2024-2-29", "20240229", "+002024-02-29", "2014-12-31", "2084-09-07", "2024-02", "", "x"]
    {
        assert_eq!(text.parse::<Day>(), Err(ParseDayError::Day), "{text}");
    }
    for text in ["2024-13", "2024-1", "202401", "2014-12", "2084-10", "2024-02-01", ""] {
        assert_eq!(text.parse::<Month>(), Err(ParseDayError::Month), "{text}");
    }
    for number in [0, 20_230_229, 20_141_231, 20_840_907, u32::MAX] {
        assert_eq!(Day::from_number(number), None, "{number}");
    }
    for number in [0, 202_413, 201_412, u32::MAX] {
        assert_eq!(Month::from_number(number), None, "{number}");
    }
}

#[test]
fn pages_that_say_little_are_thin() {
    let counts = |messages, by_people, text_bytes| DayCounts { messages, by_people, text_bytes };
    for (day, is_thin) in
        [((3, 1, 200), false), ((2, 2, 900), true), ((3, 3, 199), true), ((9, 0, 900), true), ((0, 0, 0), true)]
    {
        assert_eq!(counts(day.0, day.1, day.2).is_thin_day(), is_thin, "{day:?}");
    }
    for (thread, with_opener, is_thin) in [
        ((1, 1, 120), false, false),
        ((1, 1, 119), false, true),
        ((2, 1, 1), false, false),
        ((1, 1, 1), true, false),
        ((2, 0, 900), true, true),
        ((0, 0, 0), true, true),
    ] {
        assert_eq!(counts(thread.0, thread.1, thread.2).is_thin_thread(with_opener), is_thin, "{thread:?}");
    }
}

#[test]
fn a_day_has_a_page_for_each_200_messages() {
    for (messages, pages) in [(0, 1), (1, 1), (200, 1), (201, 2), (400, 2), (401, 3)] {
        assert_eq!(DayCounts { messages, ..DayCounts::default() }.pages(), pages);
    }
}
