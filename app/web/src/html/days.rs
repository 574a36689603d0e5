//! The parts of pages that lead to the days of a channel, and to the pages of a thread.

use app_core::browse::{DayView, Numbered};
use domain::day::{Day, DayStats};
use domain::timestamp::Timestamp;
use maud::{Markup, html};

use super::number::counted;
use super::time;
use crate::address::{day_path, thread_path};

/// Returns the months of a channel, each leading to its first day with messages.
pub(super) fn months(channel: &str, months: &[(Day, u64)]) -> Markup {
    let mut years: Vec<(String, Vec<&(Day, u64)>)> = Vec::new();
    for month in months.iter().rev() {
        let year = month.0.to_string()[..4].to_owned();
        match years.last_mut() {
            Some((last, months)) if *last == year => months.push(month),
            _ => years.push((year, vec![month])),
        }
    }
    html! {
        @if !years.is_empty() {
            nav class="calendar" aria-label="All days" {
                // Those of many years would push the newest messages off the screen.
                details open[years.len() == 1] {
                    summary { "All days" }
                    @for (year, months) in &years {
                        p {
                            strong { (year) }
                            @for (first, messages) in months.iter().rev() {
                                @let title = counted(*messages, "message", "messages");
                                " " a href=(day_path(channel, *first, 1)) title=(title) { (month_name(*first)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the days of a month that have messages.
fn month(channel: &str, days: &[DayStats], current: Day) -> Markup {
    html! {
        nav class="calendar" aria-label="Days of the month" {
            p {
                strong { (month_name(current)) " " (&current.to_string()[..4]) }
                @for DayStats { day, counts, .. } in days {
                    " " a href=(day_path(channel, *day, 1)) title=(counted(counts.messages, "message", "messages"))
                        aria-current=[(*day == current).then_some("page")] { (day.of_month()) }
                }
            }
        }
    }
}

/// Returns the heading of a day's pages.
pub(super) fn heading(channel: &str, view: &DayView) -> Markup {
    html! {
        h2 { time datetime=(view.day) { (time::day(view.day.start())) } (page_number(view.page)) }
        (month(channel, &view.month, view.day))
    }
}

/// Returns the links between the pages of a day, and to the days beside it. `rest` is the end of a page that is too long
/// to be shown whole.
pub(super) fn of_day(channel: &str, view: &DayView, rest: Option<&str>) -> Markup {
    let DayView { day, page, neighbours: (previous, next), .. } = view;
    let date = |day: Day| time::day(day.start());
    html! {
        nav class="pager" aria-label="Pages" {
            span {
                @if page.number > 1 {
                    a rel="prev" href=(day_path(channel, *day, page.number - 1)) { "← Page " (page.number - 1) }
                } @else if let Some(previous) = previous {
                    a rel="prev" href=(day_path(channel, *previous, 1)) { "← " (date(*previous)) }
                }
            }
            span {
                @if let Some(rest) = rest { a rel="next" href=(rest) { "Rest of this page →" } }
                @else if page.number < page.pages {
                    a rel="next" href=(day_path(channel, *day, page.number + 1)) { "Page " (page.number + 1) " →" }
                } @else if let Some(next) = next {
                    a rel="next" href=(day_path(channel, *next, 1)) { (date(*next)) " →" }
                }
            }
        }
    }
}

/// Returns the links between the pages of a thread, every one of which it leads to.
pub(super) fn of_thread(thread: &str, page: Numbered, rest: Option<&str>) -> Markup {
    let link = |number: u64, text: Markup, rel: Option<&str>| {
        html! { a rel=[rel] href=(thread_path(thread, number)) { (text) } }
    };
    html! {
        nav class="pager" aria-label="Pages" {
            span {
                @if page.number > 1 { (link(page.number - 1, html! { "← Page " (page.number - 1) }, Some("prev"))) }
            }
            @if page.pages > 1 {
                span class="numbers" {
                    @for number in shown_numbers(page) {
                        @if number == page.number { strong aria-current="page" { (number) } }
                        @else { (link(number, html! { (number) }, None)) }
                        " "
                    }
                }
            }
            span {
                @if let Some(rest) = rest { a rel="next" href=(rest) { "Rest of this page →" } }
                @else if page.number < page.pages {
                    (link(page.number + 1, html! { "Page " (page.number + 1) " →" }, Some("next")))
                }
            }
        }
    }
}

/// Returns the numbers that a page links to: the ends, those nearby, and some between them.
fn shown_numbers(page: Numbered) -> Vec<u64> {
    let near = page.number.saturating_sub(2).max(1)..=(page.number + 2).min(page.pages);
    let step = (page.pages / 10).max(1);
    let mut numbers: Vec<u64> = (1..=10).map(|part| part * step).filter(|number| *number <= page.pages).collect();
    numbers.extend(near);
    numbers.extend([1, page.pages]);
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn page_number(page: Numbered) -> Markup {
    html! { @if page.pages > 1 { ", page " (page.number) " of " (page.pages) } }
}

fn month_name(day: Day) -> &'static str {
    time::month(day.start())
}

/// Returns the title of a day's page.
pub(super) fn title(name: &str, at: Timestamp, page: Numbered) -> String {
    let part = if page.number > 1 { format!(", page {}", page.number) } else { String::new() };
    format!("{name}, {}{part}", time::day(at))
}
